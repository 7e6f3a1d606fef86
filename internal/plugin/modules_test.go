package plugin_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"google.golang.org/protobuf/proto"
)

// TestMessagesOfAnotherModule checks the error or the warning if a go.mod shows that services would
// be in a package of another module.
func TestMessagesOfAnotherModule(t *testing.T) {
	const mine = "module example.com/you\n\ngo 1.25\n"
	warning := `its messages are in the Go package "example.com/import_path/trace/v1", and so its services would be in "example.com/import_path/trace/v1/v1service", ` +
		"which is not in the module example.com/you; set the parameter import_path=<the import path of the plugin's out directory>, such as example.com/you/gen"
	for name, test := range map[string]struct {
		files      map[string]string
		param      string
		err, warns bool
	}{
		"no go.mod":                           {nil, "", false, false},
		"an unknown one":                      {map[string]string{"go.mod": mine}, "", false, true},
		"one that is required":                {map[string]string{"go.mod": mine + "require (\n\texample.com/import_path v1.2.3 // indirect\n)\n"}, "", true, false},
		"strict":                              {map[string]string{"go.mod": mine}, "strict", true, false},
		"import_path":                         {map[string]string{"go.mod": mine + "require example.com/import_path v1.2.3\n"}, "import_path=example.com/you/gen", false, false},
		"mine":                                {map[string]string{"go.mod": "module example.com/import_path\n"}, "", false, false},
		"mine, of another name to begin with": {map[string]string{"go.mod": "module example.com/import\n"}, "", false, true},
		"one below":                           {map[string]string{"go.mod": mine, "a/gen/go.mod": "module example.com/import_path\n"}, "", false, false},
		"one far below":                       {map[string]string{"go.mod": mine, "vendor/a/go.mod": "module example.com/import_path\n"}, "", false, true},
		"one of the workspace":                {map[string]string{"app/go.mod": mine, "go.work": "use (\n\t./app\n\t./gen\n)\n", "gen/go.mod": "module \"example.com/import_path\"\n"}, "", false, false},
		"a directory":                         {map[string]string{"go.mod": mine + "require example.com/import_path v0.0.0\nreplace example.com/import_path => ../gen\n"}, "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			tree, dir := fstest.MapFS{"proto/x": {}}, "."
			for path, text := range test.files {
				tree[path] = &fstest.MapFile{Data: []byte(text)}
				if path == "app/go.mod" {
					dir = "app"
				}
			}
			request := readCase(t, "import_path").request(t)
			request.Parameter = proto.String(test.param)
			got := runIn(t, request, tree, dir)
			if has := strings.Contains(got.err, "set the parameter import_path"); has != test.err {
				t.Errorf("the error is %q, want one: %v", got.err, test.err)
			}
			if has := strings.Contains(got.warnings, "set the parameter import_path"); has != test.warns {
				t.Errorf("the warnings are %q, want one: %v", got.warnings, test.warns)
			}
			if name == "an unknown one" && !strings.Contains(got.warnings, "otlp/trace/v1/trace.proto:5:1: "+warning) {
				t.Errorf("the warning is %s, want …%s", got.warnings, warning)
			}
		})
	}
}

// TestBadPackagesAreOfNoModule checks that an invalid Go package is reported only as invalid, and
// not also as a package of another module.
func TestBadPackagesAreOfNoModule(t *testing.T) {
	for _, name := range []string{"go_package_dot", "go_package_vendor", "go_package_space"} {
		tree := fstest.MapFS{"go.mod": {Data: []byte("module example.com/you\n")}}
		got := runIn(t, readCase(t, name).request(t), tree, ".")
		if got.err == "" || strings.Contains(got.warnings, "import_path") {
			t.Errorf("%s: the error is %q and the warnings are %q, want an error alone", name, got.err, got.warnings)
		}
	}
}

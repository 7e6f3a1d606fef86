package plugin_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/gen"
	"github.com/grpcservice/grpcservice/internal/plugin"
)

// copies is the directory with copies of the built-in templates, which go/format formats like all
// templates of users.
const copies = "copies_of_templates"

// copiesOfTemplates returns the file system with that directory.
func copiesOfTemplates(t testing.TB) fs.FS {
	t.Helper()
	tree := make(fstest.MapFS)
	for _, name := range gen.TemplateNames() {
		text, found := gen.CopyOf(name)
		if !found {
			t.Fatalf("%s does not exist", name)
		}
		tree[copies+"/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

// runExactly runs the plugin without what makes it fast: the formatter for the built-in templates.
func runExactly(t testing.TB, request *pluginpb.CodeGeneratorRequest, tree fs.FS) result {
	t.Helper()
	exact := proto.CloneOf(request)
	exact.Parameter = proto.String(request.GetParameter() + ",templates=" + copies)
	return runEnv(t, exact, plugin.Env{ReadFile: readTestdata, Tree: tree, Dir: "."})
}

// checkExact checks that what makes the plugin fast changes no byte of its output.
func checkExact(t testing.TB, request *pluginpb.CodeGeneratorRequest, tree fs.FS) {
	t.Helper()
	fast := runEnv(t, request, plugin.Env{ReadFile: readTestdata, Tree: tree, Dir: "."})
	exact := runExactly(t, request, tree)
	if diff := cmp.Diff(exact, fast, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("the output changes (-exact +fast):\n%s", diff)
	}
}

// TestExact checks it for each directory of testdata.
func TestExact(t *testing.T) {
	tree := copiesOfTemplates(t)
	for _, c := range testCases(t) {
		if !strings.Contains(c.options, "templates=") {
			t.Run(c.name, func(t *testing.T) { checkExact(t, c.request(t), tree) })
		}
	}
}

package plugin_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"google.golang.org/protobuf/proto"
)

// TestTelemetryOfNewPrograms checks that only a new program gets a telemetry.go: one that the user
// has deleted does not come back, and one that the user has changed stays.
func TestTelemetryOfNewPrograms(t *testing.T) {
	const main, telemetry = "cmd/server/main.go", "cmd/server/telemetry.go"
	request := readCase(t, "skeleton_added").request(t)
	request.Parameter = proto.String("emit=skeleton,skeleton_dir=service,app=cmd/server")
	tree := fstest.MapFS{"go.mod": textFile(userMod)}
	first := runIn(t, request, tree, ".")
	const line = "\toptions = append(options, telemetry(getenv, logger)...)"
	if strings.Count(first.files[main], "telemetry(") != 1 || !strings.Contains(first.files[main], line) || first.files[telemetry] == "" {
		t.Fatalf("want a telemetry.go and one line that calls it (%s):\n%s", first.err, first.files[main])
	}
	for name, content := range first.files {
		tree[name] = textFile(content)
	}
	for name, change := range map[string]func(fstest.MapFS){
		"nothing": func(fstest.MapFS) {},
		"deleted": func(tree fstest.MapFS) {
			delete(tree, telemetry)
			tree[main] = textFile(strings.Replace(first.files[main], line, "\t// without telemetry", 1))
		},
		"changed":             func(tree fstest.MapFS) { tree[telemetry] = textFile("package main\n") },
		"a program before it": func(tree fstest.MapFS) { delete(tree, telemetry) },
	} {
		t.Run(name, func(t *testing.T) {
			files := make(fstest.MapFS)
			for name, file := range tree {
				files[name] = file
			}
			change(files)
			if again := runIn(t, request, files, "."); again.err != "" || len(again.files) > 0 {
				t.Errorf("the next run writes %q (%s), want nothing", again.files, again.err)
			}
		})
	}
}

// TestTelemetryOfPackagesWithItsNames checks that the names of telemetry.go clash with no package:
// main.go imports the user's package under another name.
func TestTelemetryOfPackagesWithItsNames(t *testing.T) {
	request := readCase(t, "skeleton_added").request(t)
	request.Parameter = proto.String("emit=skeleton,skeleton_dir=telemetry,app=cmd/server")
	got := runIn(t, request, fstest.MapFS{"go.mod": textFile(userMod)}, ".")
	program := got.files["cmd/server/main.go"]
	if got.err != "" || strings.Contains(program, "\t\"example.com/library/telemetry\"") || !strings.Contains(program, " \"example.com/library/telemetry\"") {
		t.Errorf("main.go should import the package telemetry under another name (%s):\n%s", got.err, program)
	}
}

package plugin_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"
)

// TestProcessReadsDirectories checks that the binary resolves directories in parameters relative to
// its working directory, which is below the root of the module, and that it accepts templates
// printed by --template.
func TestProcessReadsDirectories(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "protoc-gen-grpcservice.exe")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/protoc-gen-grpcservice").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	printed, err := exec.Command(binary, "--template", "name.go.tmpl").Output()
	if err != nil {
		t.Fatal(err)
	}
	writeTree(t, dir, map[string]string{
		"go.mod": "module example.com/deploy\n", "library/templates/name.go.tmpl": strings.Replace(string(printed), "is the full name", "is our name", 1),
	})
	c := readCase(t, "deploy")
	c.options = "emit=service;deploy,templates=templates,deploy_dir=deploy,app=cmd/server,app_name=library,image=library:1,strict"
	in, err := proto.Marshal(c.request(t))
	if err != nil {
		t.Fatal(err)
	}
	process := func() (files map[string]string, stderr string) {
		var out, errs bytes.Buffer
		cmd := exec.CommandContext(t.Context(), binary)
		cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = filepath.Join(dir, "library"), bytes.NewReader(in), &out, &errs
		response := &pluginpb.CodeGeneratorResponse{}
		if err := cmd.Run(); err != nil || proto.Unmarshal(out.Bytes(), response) != nil || response.Error != nil {
			t.Fatalf("%v: %s %s", err, response.GetError(), &errs)
		}
		files = make(map[string]string)
		for _, file := range response.File {
			files[file.GetName()] = file.GetContent()
		}
		return files, errs.String()
	}
	files, stderr := process()
	if want := "-o /out/server ./library/cmd/server\n"; len(files) != 22 || stderr != "" || !strings.Contains(files["deploy/Dockerfile"], want) {
		t.Errorf("it writes %d files and says %q; the Dockerfile has to have %q:\n%s", len(files), stderr, want, files["deploy/Dockerfile"])
	}
	service := files["example.com/deploy/library/v1/libraryv1service/book_service.grpcservice.go"]
	if !strings.Contains(service, "// BookServiceName is our name of BookService") {
		t.Errorf("the template is not in\n%s", service)
	}
	writeTree(t, filepath.Join(dir, "library"), files)
	if files, stderr := process(); len(files) != 1 || stderr != "" {
		t.Errorf("the second run writes %d files and says %q, want the one that is written each time", len(files), stderr)
	}
}

package deploy_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
)

// TestDockerfileBuilds runs the commands of the Dockerfile over the shop, as docker would: what comes out is a program that
// needs nothing of the image that it is copied to.
func TestDockerfileBuilds(t *testing.T) {
	if goruntime.GOOS == "windows" {
		t.Skip("the commands are for sh")
	}
	out := t.TempDir()
	mounts := regexp.MustCompile(`--mount=\S+ `)
	commands := instructions(t, filesOf(t, shop())["Dockerfile"], "RUN")
	if len(commands) != 2 {
		t.Fatalf("the Dockerfile runs %q", commands)
	}
	for _, command := range commands {
		command = strings.ReplaceAll(mounts.ReplaceAllString(command, ""), "/out/", filepath.ToSlash(out)+"/")
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = "../../examples/shop" // the root of a module, as WORKDIR is
		cmd.Env = append(os.Environ(), "TARGETOS=linux", "TARGETARCH=amd64")
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, output)
		}
	}
	binary, err := elf.Open(filepath.Join(out, "server"))
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	if libraries, err := binary.ImportedLibraries(); err == nil && len(libraries) > 0 {
		t.Errorf("the program needs %q", libraries)
	}
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program needs a dynamic linker")
		}
	}
}

// TestDockerfile checks what the image is: not root's, by a number, and from images that the user chooses.
func TestDockerfile(t *testing.T) {
	app := shop()
	app.GoVersion, app.Port = "1.26.1", 50051
	file := filesOf(t, app)["Dockerfile"]
	for name, want := range map[string][]string{
		"ARG":        {"GO_IMAGE=golang:1.26.1", "BASE=scratch", "TARGETOS", "TARGETARCH"},
		"FROM":       {"--platform=$BUILDPLATFORM ${GO_IMAGE} AS build", "${BASE}"},
		"USER":       {"65532:65532"},
		"EXPOSE":     {"50051"},
		"ENTRYPOINT": {`["/server"]`},
	} {
		if got := instructions(t, file, name); !slices.Equal(got, want) {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
}

// instructions returns the arguments of all instructions of one name, with their lines joined.
func instructions(t *testing.T, dockerfile []byte, name string) (found []string) {
	t.Helper()
	joined := regexp.MustCompile(`\\\n\s*`).ReplaceAllString(string(dockerfile), "")
	for line := range strings.Lines(joined) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			found = append(found, strings.TrimSpace(rest))
		}
	}
	return found
}

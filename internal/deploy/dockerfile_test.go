package deploy_test

import (
	"debug/elf"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"testing"

	"github.com/grpcservice/grpcservice/internal/dockertest"
)

// TestDockerfileBuilds runs the commands of the Dockerfile on the shop, as docker would, and checks
// that the resulting program needs no files from its image.
func TestDockerfileBuilds(t *testing.T) {
	if goruntime.GOOS == "windows" {
		t.Skip("the commands are for sh")
	}
	app := shop()
	app.Module = "examples/shop" // its go.mod replaces this module
	files := filesOf(t, app)
	image := dockertest.Build(t, files["Dockerfile"], files["Dockerfile.dockerignore"], "../..", nil)
	if image.Err != nil {
		t.Fatalf("%v\n%s", image.Err, image.Output)
	}
	binary, err := elf.Open(filepath.Join(image.Root, "server"))
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

// TestDockerfile checks that the image has a numeric non-root user and uses the base images that
// the user chooses.
func TestDockerfile(t *testing.T) {
	app := shop()
	app.GoVersion, app.Port = "1.26.1", 50051
	file := filesOf(t, app)["Dockerfile"]
	for name, want := range map[string][]string{
		"ARG":        {"GO_IMAGE=golang:1.26.1", "BASE=scratch", "TAGS=", "GOPROXY", "GOPRIVATE", "CGO_ENABLED=0", "TARGETOS", "TARGETARCH"},
		"FROM":       {"--platform=$BUILDPLATFORM ${GO_IMAGE} AS build", "${BASE}"},
		"USER":       {"65532:65532"},
		"EXPOSE":     {"50051"},
		"ENTRYPOINT": {`["/server"]`},
	} {
		if got := instructions(file, name); !slices.Equal(got, want) {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
}

// instructions returns the arguments of all instructions with a name.
func instructions(dockerfile []byte, name string) (found []string) {
	for _, instruction := range dockertest.Instructions(dockerfile) {
		if instruction[0] == name {
			found = append(found, instruction[1])
		}
	}
	return found
}

package plugin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/internal/dockertest"
)

// library returns the files of a module whose program imports a package of another module.
func library(mod string, more map[string]string) map[string]string {
	files := map[string]string{
		"repo/.git/HEAD":                              "ref: refs/heads/main\n",
		"repo/services/library/go.mod":                "module example.com/deploy\n\ngo 1.25.0\n" + mod,
		"repo/services/library/cmd/server/main.go":    "package main\n\nimport \"example.com/shared\"\n\nfunc main() { println(shared.Name) }\n",
		"repo/services/library/cmd/server/x_test.go":  "package main\n",
		"repo/services/library/internal/.env":         "SECRET=1\n",
		"repo/services/library/internal/deep/key.pem": "secret\n",
	}
	for name, content := range more {
		files[name] = content
	}
	return files
}

// shared returns the files of that other module, in the directory dir.
func shared(dir string) map[string]string {
	return map[string]string{dir + "/go.mod": "module example.com/shared\n\ngo 1.25.0\n", dir + "/shared.go": "package shared\n\nconst Name = \"shared\"\n"}
}

func join(maps ...map[string]string) map[string]string {
	all := make(map[string]string)
	for _, m := range maps {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

const requireShared = "\nrequire example.com/shared v0.0.0\n"

// TestImagesOfRealRepositories builds the image of a service in each kind of repository, from only
// the context that the Dockerfile names.
func TestImagesOfRealRepositories(t *testing.T) {
	const plain = "package main\n\nfunc main() { println(\"plain\") }\n"
	for name, test := range map[string]struct {
		files   map[string]string
		context string // the build context; "" means "repo/services/library"
		args    map[string]string
		holds   []string // substrings of the Dockerfile
		warning string
		fails   string // substring of the output of a build that must fail
	}{
		"a module without dependencies": {
			files: library("", map[string]string{"repo/services/library/cmd/server/main.go": plain}),
			holds: []string{"WORKDIR /src\n", "docker build -f deploy/Dockerfile "},
		},
		"replace by a directory of the module": {
			files: library(requireShared+"\nreplace example.com/shared => ./shared\n", shared("repo/services/library/shared")),
		},
		"replace in a block, quoted": {
			files:   library(requireShared+"\nreplace (\n\t// a comment\n\texample.com/shared v0.0.0 => \"../../libs/shared\" // another\n)\n", shared("repo/libs/shared")),
			context: "repo",
			holds:   []string{"WORKDIR /src/services/library\n", "docker build -f services/library/deploy/Dockerfile ", "in services/library, and the modules that replace others"},
		},
		"replace by a directory outside of the repository": {
			files:   library(requireShared+"\nreplace example.com/shared => ../../../elsewhere/shared\n", shared("elsewhere/shared")),
			warning: "go.mod:7:1: example.com/shared => ../../../elsewhere/shared is outside the directory repo, from which the Dockerfile copies, so no image can be built; move it there, or require a version of it",
			fails:   "replacement directory ../../../elsewhere/shared does not exist",
		},
		"a workspace": {
			files:   library("", join(shared("repo/shared"), map[string]string{"repo/go.work": "go 1.25.0\n\nuse (\n\t./services/library\n\t./shared\n)\n"})),
			context: "repo",
			holds:   []string{"the directory of its workspace, with its module in services/library"},
		},
		"a workspace that replaces": {
			files: library(requireShared, join(shared("repo/libs/shared"), map[string]string{
				"repo/services/go.work": "go 1.25.0\n\nuse ./library\n\nreplace example.com/shared => ../libs/shared\n"})),
			context: "repo",
		},
		"a workspace whose other module replaces": {
			files: library("", join(shared("repo/libs/shared"), map[string]string{
				"repo/services/go.work":      "go 1.25.0\n\nuse ./library\nuse ./other\n",
				"repo/services/other/go.mod": "module example.com/other\n\ngo 1.25.0\n" + requireShared + "\nreplace example.com/shared => ../../libs/shared\n"})),
			context: "repo",
		},
		"a workspace in the module": {
			files: library("", join(shared("repo/services/library/shared"), map[string]string{"repo/services/library/go.work": "go 1.25.0\n\nuse (\n\t.\n\t./shared\n)\n"})),
		},
		"a workspace in the module, of others": {
			files: library(requireShared+"\nreplace example.com/shared => ./shared\n", join(shared("repo/services/library/shared"), map[string]string{
				"repo/services/library/go.work": "go 1.25.0\n\nuse ./shared\n"})),
			holds: []string{"GOWORK=off "},
		},
		"a workspace of others": {
			files: library("", map[string]string{"repo/services/library/cmd/server/main.go": plain, "repo/go.work": "go 1.25.0\n\nuse ./shared\n"}),
		},
		"a workspace of several repositories": {
			files:   library("", join(shared("other"), map[string]string{"go.work": "go 1.25.0\n\nuse (\n\t./repo/services/library\n\t./other\n)\n"})),
			warning: "../../../go.work: it is outside the repository, so the image is built without it; check that GOWORK=off go build ./... succeeds",
			fails:   "example.com/shared",
		},
		"a workspace with a module of another repository": {
			files:   library("", join(shared("other"), map[string]string{"repo/go.work": "go 1.25.0\n\nuse (\n\t./services/library\n\t../other\n)\n"})),
			warning: "../../go.work:5:1: use ../other is outside the directory repo, from which the Dockerfile copies, so no image can be built; move it there, or require a version of it",
			context: "repo",
			fails:   "other",
		},
		"a vendor directory": {
			files: library("\nrequire example.com/shared v1.0.0\n", map[string]string{
				"repo/services/library/vendor/modules.txt":                  "# example.com/shared v1.0.0\n## explicit; go 1.25.0\nexample.com/shared\n",
				"repo/services/library/vendor/example.com/shared/shared.go": "package shared\n\nconst Name = \"vendored\"\n"}),
		},
		"an embedded file that a tool makes": {
			files: library("", map[string]string{
				"repo/services/library/.gitignore":             "dist\n",
				"repo/services/library/cmd/server/dist/app.js": "1\n",
				"repo/services/library/cmd/server/main.go":     "package main\n\nimport _ \"embed\"\n\n//go:embed dist/app.js\nvar app string\n\nfunc main() { println(app) }\n"}),
		},
		"build tags": {
			files: library("", map[string]string{
				"repo/services/library/cmd/server/main.go": "package main\n\nfunc main() { println(edition) }\n",
				"repo/services/library/cmd/server/prod.go": "//go:build prod && timetzdata\n\npackage main\n\nconst edition = \"prod\"\n"}),
			args: map[string]string{"TAGS": "prod"},
		},
		"a submodule of another repository": {
			files: library("", map[string]string{"repo/services/library/.git": "gitdir: ../../.git/modules/library\n", "repo/services/library/cmd/server/main.go": plain}),
		},
		"a toolchain line": {
			files: library("\ntoolchain go1.26.3\n", map[string]string{"repo/services/library/cmd/server/main.go": plain}),
			holds: []string{"ARG GO_IMAGE=golang:1.26\n"},
		},
		"a workspace with a newer Go": {
			files:   library("", map[string]string{"repo/services/library/cmd/server/main.go": plain, "repo/go.work": "go 1.26.1\n\nuse ./services/library\n"}),
			context: "repo",
			holds:   []string{"ARG GO_IMAGE=golang:1.26\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			dockertest.WriteTree(t, home, test.files)
			c := readCase(t, "deploy")
			c.options = strings.ReplaceAll(c.options, "deploy/user/", "")
			got := runIn(t, c.request(t), os.DirFS(home), "repo/services/library")
			dockerfile := got.files["deploy/Dockerfile"]
			if got.err != "" || dockerfile == "" {
				t.Fatalf("the plugin says %q and writes %d files", got.err, len(got.files))
			}
			if warnings := strings.TrimSpace(strings.ReplaceAll(got.warnings, "protoc-gen-grpcservice: warning: ", "")); warnings != test.warning {
				t.Errorf("warnings %q, want %q", warnings, test.warning)
			}
			for _, want := range test.holds {
				if !strings.Contains(dockerfile, want) {
					t.Errorf("there is no %q in\n%s", want, dockerfile)
				}
			}
			context := test.context
			if context == "" {
				context = "repo/services/library"
			}
			image := dockertest.Build(t, []byte(dockerfile), []byte(got.files["deploy/Dockerfile.dockerignore"]), filepath.Join(home, context), join(map[string]string{"GOPROXY": "off"}, test.args))
			if test.fails == "" && image.Err != nil || test.fails != "" && !strings.Contains(image.Output, test.fails) {
				t.Errorf("the build: %v\n%s\nwith\n%s", image.Err, image.Output, dockerfile)
			}
		})
	}
}

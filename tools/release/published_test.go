package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"golang.org/x/mod/modfile"
)

// TestGoReleaserBuildsThePlatforms checks that GoReleaser builds what `make platforms` builds.
func TestGoReleaserBuildsThePlatforms(t *testing.T) {
	repo := checkout(t)
	var config struct {
		Version int
		Builds  []struct {
			Main                              string
			Goos, Goarch, Env, Flags, Ldflags []string
		}
	}
	repo.readYAML(t, ".goreleaser.yaml", &config)
	if config.Version != 2 || len(config.Builds) != 1 {
		t.Fatalf("got version %d and %d builds; want version 2 and 1 build",
			config.Version, len(config.Builds))
	}
	build := config.Builds[0]
	var targets []string
	for _, system := range build.Goos {
		for _, arch := range build.Goarch {
			targets = append(targets, system+"/"+arch)
		}
	}
	equal(t, "targets of .goreleaser.yaml", targets, repo.makeVariable(t, "PLATFORMS"))
	equal(t, "ldflags of .goreleaser.yaml", strings.Fields(strings.Join(build.Ldflags, " ")),
		repo.makeVariable(t, "LDFLAGS"))
	if !slices.Contains(build.Flags, "-trimpath") || !slices.Contains(build.Env, "CGO_ENABLED=0") {
		t.Errorf("flags %q, env %q; want -trimpath and CGO_ENABLED=0", build.Flags, build.Env)
	}
	if main, err := os.ReadFile(repo.path(build.Main + "/main.go")); err != nil {
		t.Error(err)
	} else if !strings.Contains(string(main), "\npackage main\n") {
		t.Errorf("%s is not a program", build.Main)
	}
}

// TestReleaseWorkflow checks the tags that publish binaries, and that what runs then is pinned.
func TestReleaseWorkflow(t *testing.T) {
	var workflow struct {
		On          struct{ Push struct{ Tags []string } }
		Permissions map[string]string
		Jobs        map[string]struct {
			Permissions map[string]string
			Steps       []struct {
				Uses string
				With map[string]any
			}
		}
	}
	checkout(t).readYAML(t, ".github/workflows/release.yml", &workflow)
	equal(t, "tags", workflow.On.Push.Tags, []string{"v[0-9]*"})
	if len(workflow.Permissions) > 0 {
		t.Errorf("the workflow has permissions %v; give them to its jobs", workflow.Permissions)
	}
	pinned := regexp.MustCompile(`^v\d+\.\d+\.\d+$`)
	for _, step := range workflow.Jobs["binaries"].Steps {
		action, version, _ := strings.Cut(step.Uses, "@")
		if !strings.HasPrefix(action, "actions/") && !pinned.MatchString(version) {
			t.Errorf("%s has the version %q; want one such as v1.2.3", action, version)
		}
		if action != "goreleaser/goreleaser-action" {
			continue
		}
		if version, _ := step.With["version"].(string); !pinned.MatchString(version) {
			t.Errorf("the version of GoReleaser is %q; want one such as v1.2.3", version)
		}
	}
}

// TestVersionsOfGo checks that the workflow tests the oldest version of Go that go.mod admits.
func TestVersionsOfGo(t *testing.T) {
	repo := checkout(t)
	var workflow struct {
		Jobs struct {
			Versions struct {
				Strategy struct{ Matrix struct{ Go []string } }
			}
		}
	}
	repo.readYAML(t, ".github/workflows/go.yml", &workflow)
	oldest := repo.goMod(t).Go.Version
	equal(t, "versions of Go", workflow.Jobs.Versions.Strategy.Matrix.Go, []string{oldest, "stable"})
}

// TestMakeHasTheReleasedModules checks that make compares and vets what a release tags.
func TestMakeHasTheReleasedModules(t *testing.T) {
	repo := checkout(t)
	modules, err := repo.modules()
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, m := range modules {
		dirs = append(dirs, m.dir)
	}
	equal(t, "modules that a release tags", dirs, repo.makeVariable(t, "RELEASED"))
}

// TestCommandsOfTheReleasePage checks that make has the targets that the page names.
func TestCommandsOfTheReleasePage(t *testing.T) {
	repo := checkout(t)
	page, err := os.ReadFile(repo.path("docs/releasing.md"))
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(repo.path("Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)").FindAllStringSubmatch(string(page), -1)
	if len(targets) < 3 {
		t.Fatalf("found only %d targets", len(targets))
	}
	for _, target := range targets {
		if !strings.Contains(string(makefile), "\n"+target[1]+":") {
			t.Errorf("make has no target %s", target[1])
		}
	}
}

// TestTargetsOfTheWorkflows checks that make has the targets that workflows run, and that the
// packages that they test are there.
func TestTargetsOfTheWorkflows(t *testing.T) {
	repo := checkout(t)
	makefile, err := os.ReadFile(repo.path("Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(repo.path(".github/workflows/*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, file := range files {
		var workflow struct {
			Jobs map[string]struct{ Steps []struct{ Run string } }
		}
		repo.readYAML(t, ".github/workflows/"+filepath.Base(file), &workflow)
		for _, job := range workflow.Jobs {
			for _, step := range job.Steps {
				words := strings.Fields(step.Run)
				for i, word := range words {
					if i > 0 && words[i-1] == "make" {
						made++
						if !strings.Contains(string(makefile), "\n"+word+":") {
							t.Errorf("%s: make has no target %s", file, word)
						}
					}
					if dir, ok := strings.CutPrefix(word, "./"); ok {
						if _, err := os.Stat(repo.path(dir)); err != nil {
							t.Errorf("%s: %v", file, err)
						}
					}
				}
			}
		}
	}
	if made < 5 {
		t.Errorf("the workflows run only %d targets", made)
	}
}

func checkout(t *testing.T) repository {
	t.Helper()
	repo, err := findRepository(".")
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

func (r repository) path(name string) string {
	return filepath.Join(string(r), filepath.FromSlash(name))
}

func (r repository) readYAML(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile(r.path(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func (r repository) goMod(t *testing.T) *modfile.File {
	t.Helper()
	content, err := os.ReadFile(r.path("go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

// makeVariable returns the words of a variable of the Makefile.
func (r repository) makeVariable(t *testing.T, name string) []string {
	t.Helper()
	cmd := exec.Command("make", "--silent", "--no-print-directory",
		"--eval", "print-variable: ; @echo '$("+name+")'", "print-variable")
	// This test may itself run below a make that passes its flags on.
	cmd.Dir, cmd.Env = string(r), append(os.Environ(), "MAKEFLAGS=", "MFLAGS=")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// equal compares without regard to order.
func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

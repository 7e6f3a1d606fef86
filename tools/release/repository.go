package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// repository is a checkout, by its directory.
type repository string

// findRepository returns the checkout that a directory is in.
func findRepository(dir string) (repository, error) {
	out, err := repository(dir).git("rev-parse", "--show-toplevel")
	return repository(strings.TrimSpace(out)), err
}

// git runs git, and returns its output.
func (r repository) git(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stderr = string(r), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("git %s: %w", args[0], err)
	}
	return string(out), err
}

// check returns why a version cannot be released.
func (r repository) check(version string) error {
	if !semver.IsValid(version) || semver.Canonical(version) != version {
		return fmt.Errorf("%q is no version; want one such as v0.3.0", version)
	}
	if semver.Major(version) > "v1" {
		return fmt.Errorf("%s needs module paths that end with /%s; change them first",
			version, semver.Major(version))
	}
	tags, err := r.git("tag", "--list", version)
	if err == nil && tags != "" {
		return fmt.Errorf("%s is released; choose a later version", version)
	}
	return err
}

// modules returns the modules to release, the root module first.
func (r repository) modules() ([]module, error) {
	files, err := r.git("ls-files", "go.mod", "*/go.mod")
	if err != nil {
		return nil, err
	}
	var modules []module
	for file := range strings.Lines(files) {
		m := module{root: string(r), dir: path.Dir(strings.TrimSpace(file))}
		if !isReleased(m.dir) {
			continue
		}
		content, err := os.ReadFile(m.file())
		if err != nil {
			return nil, err
		}
		m.path = modfile.ModulePath(content)
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.dir, b.dir) })
	return modules, nil
}

// release commits the versions, and tags all modules at this commit.
func (r repository) release(modules []module, version string) error {
	changed, err := r.git("status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return errors.New("the tree has changes; commit them first")
	}
	commit := []string{"commit", "--allow-empty", "-m", "Release " + version, "--"}
	for _, m := range modules {
		content, err := m.goMod(modules, version)
		if err != nil {
			return err
		}
		if err := os.WriteFile(m.file(), content, 0o644); err != nil {
			return err
		}
		commit = append(commit, filepath.ToSlash(filepath.Join(m.dir, "go.mod")))
	}
	if _, err := r.git(commit...); err != nil {
		return err
	}
	for _, m := range modules {
		if _, err := r.git("tag", m.tag(version)); err != nil {
			return err
		}
		fmt.Println(m.tag(version))
	}
	return nil
}

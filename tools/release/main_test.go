package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	modpath "golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const version = "v0.99.0"

// TestReleaseOfACopy releases a copy of the checkout, and then imports each module from outside
// through a proxy of files.
func TestReleaseOfACopy(t *testing.T) {
	copied := copyOfCheckout(t)
	t.Chdir(string(copied))
	if err := run([]string{version}, false); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{version}, false); err == nil {
		t.Error("a version is released twice")
	}
	modules, err := copied.modules()
	if err != nil {
		t.Fatal(err)
	}
	proxy := t.TempDir()
	for _, m := range modules {
		m.serve(t, copied, proxy)
	}
	importFromOutside(t, proxy, modules)
}

func TestVersionsThatCannotBeReleased(t *testing.T) {
	repo, err := findRepository(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "1.0.0", "v1", "v1.0", "v2.0.0", "v1.0.0+x", "latest"} {
		if err := repo.check(bad); err == nil {
			t.Errorf("%q can be released", bad)
		}
	}
	if err := repo.check("v0.99.0-rc.1"); err != nil {
		t.Error(err)
	}
}

// copyOfCheckout returns a repository with the files of the checkout, committed or not, that a
// released module may have.
func copyOfCheckout(t *testing.T) repository {
	t.Helper()
	from, err := findRepository(".")
	if err != nil {
		t.Fatal(err)
	}
	to := repository(t.TempDir())
	git := func(r repository, args ...string) string {
		t.Helper()
		out, err := r.git(args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name := range strings.Lines(git(from, "ls-files", "--cached", "--others", "--exclude-standard")) {
		name = strings.TrimSpace(name)
		content, err := os.ReadFile(filepath.Join(string(from), name))
		if err != nil { // deleted, or a link to a directory
			continue
		}
		target := filepath.Join(string(to), name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(to, "init", "-q")
	git(to, "config", "user.name", "test")
	git(to, "config", "user.email", "test@example.com")
	git(to, "add", "-A", "-f")
	git(to, "commit", "-q", "-m", "copy")
	return to
}

// serve writes what a proxy serves for the version of the tag.
func (m module) serve(t *testing.T, repo repository, proxy string) {
	t.Helper()
	escaped, err := modpath.EscapePath(m.path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(proxy, escaped, "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mod, err := repo.git("show", m.tag(version)+":"+strings.TrimPrefix(m.dir+"/go.mod", "./"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"list": version + "\n", version + ".mod": mod, version + ".info": `{"Version":"` + version + `"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	archive, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	subdir := strings.TrimPrefix(m.dir, ".")
	v := modpath.Version{Path: m.path, Version: version}
	if err := zip.CreateFromVCS(archive, v, string(repo), m.tag(version), subdir); err != nil {
		t.Fatal(err)
	}
}

// importFromOutside adds the modules to another one, and resolves all imports of their packages.
func importFromOutside(t *testing.T, proxy string, modules []module) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/user\n\ngo 1.26.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	downloaded := "file://" + filepath.Join(goEnv(t, "GOMODCACHE"), "cache", "download")
	env := append(os.Environ(), "GOPROXY=file://"+proxy+","+downloaded+","+goEnv(t, "GOPROXY"), "GONOSUMDB=*",
		"GOFLAGS=-mod=mod -modcacherw", "GOWORK=off", "GOMODCACHE="+t.TempDir())
	command := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	get, list := []string{"get"}, []string{"list", "-deps"}
	for _, m := range modules {
		get, list = append(get, m.path+"@"+version), append(list, m.path+"/...")
	}
	command(get...)
	packages := command(list...)
	content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modules {
		if !strings.Contains(packages, m.path+"\n") && !strings.Contains(packages, m.path+"/") {
			t.Errorf("%s has no packages", m.path)
		}
		want := modpath.Version{Path: m.path, Version: version}
		if !slices.ContainsFunc(mod.Require, func(r *modfile.Require) bool { return r.Mod == want }) {
			t.Errorf("%v is not required:\n%s", want, content)
		}
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

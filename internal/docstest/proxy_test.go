package docstest

import (
	"archive/zip"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// module is the path of the root module.
const module = "github.com/grpcservice/grpcservice"

// proxyOfCheckout writes a module proxy that serves this checkout as the only version of its
// modules, and returns its directory. The version is derived from the content, so that a second run
// can use the build cache of the first; each run removes the modules themselves from the module
// cache before and after.
var proxyOfCheckout = sync.OnceValues(func() (dir string, err error) {
	proxy, err := os.MkdirTemp(scratch, "proxy")
	if err != nil {
		return "", err
	}
	version, err := versionOfCheckout()
	if err != nil {
		return "", err
	}
	if err := forget(version); err != nil {
		return "", err
	}
	modules, err := publicModules()
	for _, m := range modules {
		err = errors.Join(err, m.writeProxy(filepath.Join(proxy, filepath.FromSlash(m.path()), "@v"), version))
	}
	return proxy, err
})

// publicModule is a module that users import.
type publicModule struct {
	dir   string   // in the checkout, with slashes
	files []string // with the directory
}

func (m publicModule) path() string { return path.Join(module, m.dir) }

// publicModules returns the root module and those below runtime.
func publicModules() ([]publicModule, error) {
	files, err := trackedFiles()
	if err != nil {
		return nil, err
	}
	dirs := []string{"."}
	for _, name := range files {
		if dir, ok := strings.CutSuffix(name, "/go.mod"); ok {
			dirs = append(dirs, dir)
		}
	}
	var modules []publicModule
	for _, dir := range dirs {
		m := publicModule{dir: dir}
		for _, name := range files {
			if moduleOf(name, dirs) == dir {
				m.files = append(m.files, name)
			}
		}
		if dir == "." || strings.HasPrefix(dir, "runtime/") {
			modules = append(modules, m)
		}
	}
	return modules, nil
}

// moduleOf returns the innermost of the directories that a file is in.
func moduleOf(file string, dirs []string) string {
	innermost := "."
	for _, dir := range dirs {
		if strings.HasPrefix(file, dir+"/") && len(dir) > len(innermost) {
			innermost = dir
		}
	}
	return innermost
}

// versionOfCheckout returns a version that is unique to this content, because the go command keeps
// information on the packages of a version even after forget has removed the version.
func versionOfCheckout() (string, error) {
	modules, err := publicModules()
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	for _, m := range modules {
		for _, name := range m.files {
			content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
			if err != nil && !os.IsNotExist(err) {
				return "", err
			}
			fmt.Fprintf(hash, "%s %d %s", name, len(content), content)
		}
	}
	return fmt.Sprintf("v0.1.0-docstest.x%x", hash.Sum(nil))[:36], nil
}

// writeProxy writes the files that the go command requests from a proxy.
func (m publicModule) writeProxy(dir, version string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	mod, err := m.goMod(version)
	if err != nil {
		return err
	}
	for name, content := range map[string]string{
		"list":            version + "\n",
		version + ".mod":  mod,
		version + ".info": fmt.Sprintf(`{"Version":%q,"Time":%q}`, version, time.Now().UTC().Format(time.RFC3339)),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return m.zip(filepath.Join(dir, version+".zip"), version, mod)
}

// unreleased matches a requirement of a module of this repository.
var unreleased = regexp.MustCompile(`(?m)(\s` + module + `[/\w]*) v0\.0\.0(?:-00010101000000-000000000000)?\b`)

// goMod returns the go.mod as a release would have it: with the version of the root module.
func (m publicModule) goMod(version string) (string, error) {
	mod, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.dir), "go.mod"))
	if err != nil {
		return "", err
	}
	return unreleased.ReplaceAllString(string(mod), "${1} "+version), nil
}

// zip writes the files of the module to an archive.
func (m publicModule) zip(file, version, mod string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	archive := zip.NewWriter(out)
	for _, name := range m.files {
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if os.IsNotExist(err) { // deleted but not committed
			continue
		}
		if err != nil {
			return err
		}
		if name == path.Join(m.dir, "go.mod") {
			content = []byte(mod)
		}
		w, err := archive.Create(m.path() + "@" + version + "/" + strings.TrimPrefix(name, m.dir+"/"))
		if err != nil {
			return err
		}
		if _, err := w.Write(content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// trackedFiles lists the files of the checkout.
func trackedFiles() ([]string, error) {
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	return strings.Fields(string(out)), err
}

// forget removes the version from the module cache, which is read-only.
func forget(version string) error {
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		return err
	}
	cache := strings.TrimSpace(string(out))
	modules, err := publicModules()
	for _, m := range modules {
		err = errors.Join(err, m.forget(cache, version))
	}
	return err
}

func (m publicModule) forget(cache, version string) error {
	tree := filepath.Join(cache, filepath.FromSlash(m.path())+"@"+version)
	_ = filepath.WalkDir(tree, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o755)
		}
		return err
	})
	if err := os.RemoveAll(tree); err != nil {
		return err
	}
	matches, err := filepath.Glob(filepath.Join(cache, "cache", "download", filepath.FromSlash(m.path()), "@v", version+".*"))
	for _, match := range matches {
		err = errors.Join(err, os.Remove(match))
	}
	return err
}

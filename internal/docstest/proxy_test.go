package docstest

import (
	"archive/zip"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// module is the path of the root module.
const module = "github.com/grpcservice/grpcservice"

// proxyOfCheckout writes a module proxy that serves this checkout as the only version of the
// module, and returns its directory. The version is derived from the content, so that a second run
// can use the build cache of the first; each run removes the module itself from the module cache
// before and after.
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
	return proxy, writeProxy(filepath.Join(proxy, filepath.FromSlash(module), "@v"), version)
})

// versionOfCheckout returns a version that is unique to this content, because the go command keeps
// information on the packages of a version even after forget has removed the version.
func versionOfCheckout() (string, error) {
	names, err := moduleFiles()
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil && !os.IsNotExist(err) {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d %s", name, len(content), content)
	}
	return fmt.Sprintf("v0.1.0-docstest.x%x", hash.Sum(nil))[:36], nil
}

// writeProxy writes the files that the go command requests from a proxy.
func writeProxy(dir, version string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	for name, content := range map[string]string{
		"list":            version + "\n",
		version + ".mod":  string(mod),
		version + ".info": fmt.Sprintf(`{"Version":%q,"Time":%q}`, version, time.Now().UTC().Format(time.RFC3339)),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return zipModule(filepath.Join(dir, version+".zip"), module+"@"+version+"/")
}

// zipModule writes the files of the root module that git tracks to an archive, with a prefix.
func zipModule(file, prefix string) error {
	names, err := moduleFiles()
	if err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	archive := zip.NewWriter(out)
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if os.IsNotExist(err) { // deleted but not committed
			continue
		}
		if err != nil {
			return err
		}
		w, err := archive.Create(prefix + name)
		if err != nil {
			return err
		}
		if _, err := w.Write(content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// moduleFiles lists the files of the checkout that belong to the root module.
func moduleFiles() ([]string, error) {
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	files := strings.Fields(string(out))
	var nested []string
	for _, name := range files {
		if dir, ok := strings.CutSuffix(name, "/go.mod"); ok {
			nested = append(nested, dir+"/")
		}
	}
	return slices.DeleteFunc(files, func(name string) bool {
		return slices.ContainsFunc(nested, func(dir string) bool { return strings.HasPrefix(name, dir) })
	}), nil
}

// forget removes the version from the module cache, which is read-only.
func forget(version string) error {
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		return err
	}
	cache := strings.TrimSpace(string(out))
	tree := filepath.Join(cache, filepath.FromSlash(module)+"@"+version)
	_ = filepath.WalkDir(tree, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o755)
		}
		return err
	})
	if err := os.RemoveAll(tree); err != nil {
		return err
	}
	matches, err := filepath.Glob(filepath.Join(cache, "cache", "download", filepath.FromSlash(module), "@v", version+".*"))
	for _, match := range matches {
		err = errors.Join(err, os.Remove(match))
	}
	return err
}

package docstest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/internal/freeport"
	"github.com/grpcservice/grpcservice/internal/pgtest"
)

// pluginAtLatest runs the program without installing it, as docs/getting-started.md does.
const pluginAtLatest = "github.com/grpcservice/grpcservice/cmd/protoc-gen-grpcservice@latest"

// TestInit does what a newcomer does: init, make run, a call, and the other targets of make.
func TestInit(t *testing.T) {
	t.Parallel()
	p := initialized(t, "example.com/library", "library.v1.BookService", "--deploy")
	p.serves("library.v1.BookService", "Book")
	p.must("make", "test")
	// What internal/scaffold/files/common/tools has is what the go command would write.
	p.must("go", "-C", "tools", "mod", "tidy", "-diff")
	p.useBuf()
	p.must("make", "lint")
	p.must("make", "check-generated")
	p.must("make", "breaking", "AGAINST=HEAD")

	before := readFiles(t, p.dir)
	out, err := p.command("go", "run", pluginAtLatest, "init", "--module", "example.com/other", "--service", "other.v1.OtherService")
	if err == nil || !strings.Contains(out, "go.mod, ") || !strings.Contains(out, "init overwrites nothing") {
		t.Errorf("a second init ends with %v and says\n%s", err, out)
	}
	if after := readFiles(t, p.dir); len(after) != len(before) {
		t.Errorf("the second init has written %d files", len(after)-len(before))
	}
}

// TestInitPostgres checks a repository that keeps its items in PostgreSQL, with the database of the
// test.
func TestInitPostgres(t *testing.T) {
	t.Parallel()
	database := pgtest.Start(t).Database(t)
	p := initialized(t, "example.com/a-b/v2", "acme.shop_front.v1beta2.StringService", "--postgres") // unusual names
	p.env = append(p.env, "DATABASE_URL="+database, "TEST_DATABASE_URL="+database, "CI=true")
	p.must("make", "test")
	p.serves("acme.shop_front.v1beta2.StringService", "String")
}

// initialized returns a repository that init has written and git has committed.
func initialized(t *testing.T, module, service string, flags ...string) project {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		missing(t, "make")
	}
	env := append(newcomersEnvironment(t), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "GOFLAGS=-trimpath")
	p := project{t, t.TempDir(), env}
	start := time.Now()
	args := append([]string{"run", pluginAtLatest, "init", "repository", "--module", module, "--service", service}, flags...)
	p.must("go", args...)
	t.Logf("init: %v", time.Since(start).Round(time.Millisecond))
	p.dir = filepath.Join(p.dir, "repository")
	p.commit("What init writes")
	return p
}

// serves runs make run, calls the service, and ends the server as Ctrl-C does.
func (p project) serves(service, item string) {
	p.t.Helper()
	addr := freeAddr()
	var log bytes.Buffer
	server := exec.Command("make", "run")
	server.Dir, server.Stdout, server.Stderr = p.dir, &log, &log
	server.Env = append(p.env, "ADDR="+addr, "ADMIN_ADDR="+freeAddr())
	ownGroup(server)
	start := time.Now()
	if err := server.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	call := func(method, request string) (string, error) {
		return p.command("grpcurl", "-plaintext", "-max-time", "60", "-d", request, addr, service+"/"+method)
	}
	out, err := call("Create"+item, `{"`+strings.ToLower(item)+`": {"id": "1", "title": "One"}}`)
	for deadline := time.Now().Add(10 * time.Minute); err != nil && time.Now().Before(deadline); {
		select {
		case end := <-ended:
			p.t.Fatalf("make run ended: %v\n%s", end, &log)
		case <-time.After(100 * time.Millisecond): // between attempts
		}
		out, err = call("Create"+item, `{"`+strings.ToLower(item)+`": {"id": "1", "title": "One"}}`)
	}
	p.t.Logf("make run: %v until the first response", time.Since(start).Round(time.Millisecond))
	if err != nil {
		p.t.Errorf("grpcurl: %v\n%s", err, out)
	}
	if out, err = call("Get"+item, `{"id": "1"}`); err != nil || !strings.Contains(out, `"One"`) {
		p.t.Errorf("grpcurl: %v\n%s", err, out)
	}
	interruptGroup(server)
	<-ended // make dies of the signal, as all programs do that Ctrl-C ends
	if strings.Contains(log.String(), "panic") || !strings.Contains(log.String(), `"msg":"stopped"`) {
		p.t.Errorf("the server did not shut down:\n%s", &log)
	}
	// "make: *** [Makefile:9: run] Error 1" or Interrupt.
	if strings.Contains(log.String(), "***") {
		p.t.Errorf("after Ctrl-C make reports an error:\n%s", &log)
	}
}

// useBuf puts the buf of PATH where the Makefile builds its own, which takes minutes.
func (p project) useBuf() {
	p.t.Helper()
	found, err := exec.LookPath("buf")
	if err != nil {
		missing(p.t, "buf")
	}
	content, err := os.ReadFile(found)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(p.dir, ".bin"), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, ".bin", "buf"), content, 0o755); err != nil {
		p.t.Fatal(err)
	}
}

// readFiles returns the files below a directory, except those of git.
func readFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return filepath.SkipDir
		case entry.IsDir():
			return nil
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// freeAddr returns an address that nothing listens on.
func freeAddr() string { return "127.0.0.1:" + strconv.Itoa(freeport.Get()) }

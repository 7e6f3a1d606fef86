package sqltest

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
)

// postgres starts a PostgreSQL server for the test, in a separate directory with a Unix socket, and
// stops it when the test ends.
func postgres(t *testing.T) *sql.DB {
	t.Helper()
	bin := postgresBin(t)
	dir, err := os.MkdirTemp("", "pg") // short, because the path of a Unix socket is limited
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	credential := unprivileged(t, dir)
	run(t, credential, filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "test", "-A", "trust", "--no-sync",
		"--locale=C.UTF-8", "-E", "UTF8")
	options := fmt.Sprintf("-c listen_addresses='' -c unix_socket_directories='%s' -c fsync=off", dir)
	run(t, credential, filepath.Join(bin, "pg_ctl"), "-D", filepath.Join(dir, "data"), "-l", filepath.Join(dir, "log"), "-w", "-o", options, "start")
	t.Cleanup(func() {
		run(t, credential, filepath.Join(bin, "pg_ctl"), "-D", filepath.Join(dir, "data"), "-m", "immediate", "-w", "stop")
	})
	db, err := sql.Open("pgx", "host="+dir+" user=test dbname=postgres sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// postgresBin returns the directory of PostgreSQL's programs.
func postgresBin(t *testing.T) string {
	t.Helper()
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	const get = "there is no PostgreSQL; run make test-servers, or install the package postgresql"
	if os.Getenv("CI") == "true" {
		t.Fatal(get)
	}
	t.Skip(get)
	return ""
}

// unprivileged returns a user to run PostgreSQL as, and makes it the owner of dir: PostgreSQL
// refuses to run as root.
func unprivileged(t *testing.T, dir string) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.Atoi(nobody.Uid)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.Atoi(nobody.Gid)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// run runs a program. Its output goes to a file, because a server that it starts would keep a pipe
// open.
func run(t *testing.T, credential *syscall.Credential, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr, cmd.Dir = out, out, "/"
	if credential != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	}
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		t.Fatalf("%s: %v\n%s", filepath.Base(name), err, bytes.TrimSpace(text))
	}
}

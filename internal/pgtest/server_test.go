//go:build unix

package pgtest_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/grpcservice/grpcservice/internal/pgtest"
)

// TestServersSurviveKill kills a server, starts it again, and finds what was committed.
func TestServersSurviveKill(t *testing.T) {
	s := pgtest.Start(t, pgtest.WithSettings("max_connections=20"))
	url := s.Database(t)
	psql(t, url, "CREATE TABLE t (n int); INSERT INTO t VALUES (41)", "CREATE TABLE\nINSERT 0 1\n")
	for range 2 {
		s.Kill()
		if err := exec.Command("psql", "-c", "SELECT 1", url).Run(); err == nil {
			t.Fatal("a killed server answers")
		}
		if err := s.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		psql(t, url, "UPDATE t SET n = n + 1 RETURNING n; SHOW max_connections", "")
	}
	s.Stop()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	psql(t, url, "SELECT n, current_setting('max_connections') FROM t", "43|20\n")
	if s.Database(t) == url {
		t.Error("two databases have one name")
	}
}

// TestWithDirectory starts a server in a directory of the caller, which stays.
func TestWithDirectory(t *testing.T) {
	s := pgtest.Start(t, pgtest.WithDirectory(filepath.Join(shortDir(t), "pg")))
	s.Close()
	if out, err := exec.Command("ls", s.Dir).Output(); err != nil || len(out) == 0 {
		t.Errorf("ls: %q, %v; want the files of the server", out, err)
	}
}

// psql executes statements and compares what they print; "" accepts everything.
func psql(t *testing.T, url, statements, want string) {
	t.Helper()
	out, err := exec.Command("psql", "-X", "-A", "-t", "-c", statements, url).CombinedOutput()
	if err != nil || want != "" && string(out) != want {
		t.Fatalf("psql %q: %q, %v; want %q", statements, out, err, want)
	}
}

// shortDir returns a temporary directory with a short path, for a Unix socket.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "d")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL may run as another user
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

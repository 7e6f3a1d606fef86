//go:build unix

package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/internal/pgtest"
)

// childVariable makes the test program start a server and wait to be killed.
const childVariable = "GRPCSERVICE_PGTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	s, err := pgtest.Run(context.Background())
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println(s.Dir, s.URL())
	select {}
}

// TestServersEndWithTheirProcess kills a process that has started a server.
func TestServersEndWithTheirProcess(t *testing.T) {
	pgtest.Start(t) // skips the test if there is no PostgreSQL
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	dir, url, _ := strings.Cut(strings.TrimSpace(line), " ")
	if err == nil && dir != "error" {
		psql(t, url, "SELECT 1", "1\n")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err != nil || dir == "error" {
		t.Fatalf("the process: %q, %v", line, err)
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		_, err := os.Stat(dir)
		gone := exec.Command("psql", "-X", "-c", "SELECT 1", url).Run() != nil
		if gone && errors.Is(err, fs.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server is gone: %v, its directory: %v", gone, err)
		}
	}
}

package scaffold

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// cancelWriter cancels a context with the first write.
type cancelWriter struct {
	bytes.Buffer
	cancel context.CancelFunc
}

func (w *cancelWriter) Write(p []byte) (int, error) {
	w.cancel()
	return w.Buffer.Write(p)
}

// TestInterrupted checks that nothing is left of an init that is interrupted while the go command
// runs.
func TestInterrupted(t *testing.T) {
	temporary, dir := t.TempDir(), filepath.Join(t.TempDir(), "library")
	t.Setenv("TMPDIR", temporary)
	t.Setenv("TMP", temporary) // on Windows
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr := &cancelWriter{cancel: cancel} // init reports that the go command starts
	var stdout bytes.Buffer
	args := []string{dir, "--module", "example.com/library", "--service", "library.v1.BookService"}
	code := Run(ctx, Env{Args: args, Stdout: &stdout, Stderr: stderr, Version: "v0.3.0"})
	if code != exitFailed || !strings.HasSuffix(stderr.String(), "init: interrupted\nnothing was written to "+dir+"\n") {
		t.Errorf("code %d, %q", code, stderr)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", dir, err)
	}
	err := fs.WalkDir(os.DirFS(temporary), ".", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.Contains(name, "grpcservice") {
			t.Errorf("%s is left", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

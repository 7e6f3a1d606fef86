//go:build unix

package upload_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/grpcservice/grpcservice/internal/e2e/gen/upload/v1/uploadv1service"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/upload"
)

// processDir is the environment variable that makes the test binary a server, in a directory.
const processDir = "UPLOAD_TEST_DIR"

// TestMain serves uploads if the binary was started by TestProcessesThatEnd.
func TestMain(m *testing.M) {
	dir := os.Getenv(processDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := serveProcess(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serveProcess serves until a signal arrives. It writes the SHA-256 of each file to the file
// "sums".
func serveProcess(dir string) error {
	staging, err := upload.OpenDir(filepath.Join(dir, "staging"))
	if err != nil {
		return err
	}
	srv := server.New(server.WithDrainDelay(0))
	uploadv1service.RegisterUploadService(srv, &store{
		opts: []upload.Option{upload.WithStaging(staging)},
		save: func(_ string, file io.Reader) error {
			sum := sha256.New()
			if _, err := io.Copy(sum, file); err != nil {
				return err
			}
			sums, err := os.OpenFile(filepath.Join(dir, "sums"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			defer sums.Close()
			_, err = fmt.Fprintln(sums, hex.EncodeToString(sum.Sum(nil)))
			return err
		},
	})
	return srv.Run(context.Background(), "unix:"+filepath.Join(dir, "socket"))
}

// startProcess starts a server and returns a function that sends it a signal, waits for its end and
// logs what it printed.
func startProcess(t *testing.T, dir string) (end func(os.Signal)) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), processDir+"="+dir)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func(signal os.Signal) {
		_ = cmd.Process.Signal(signal)
		_ = cmd.Wait()
		t.Logf("the server prints, until %v:\n%s", signal, &out)
	}
}

// TestProcessesThatEnd kills a server in the middle of an upload, and shuts the next one down: the
// third completes the file.
func TestProcessesThatEnd(t *testing.T) {
	dir, err := os.MkdirTemp("", "upload") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	quickly := backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1, MaxDelay: 10 * time.Millisecond}
	conn, err := grpc.NewClient("unix:"+filepath.Join(dir, "socket"),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			MinConnectTimeout: time.Minute, Backoff: quickly,
		}),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size = 12 << 20
	end := startProcess(t, dir)
	defer func() { end(os.Kill) }()
	signals := map[int64]os.Signal{4 << 20: os.Kill, 8 << 20: syscall.SIGTERM}
	resumed := []int64(nil)
	defer func() { t.Logf("resumed at %v", resumed) }()
	before := int64(0)
	follow := upload.WithProgress(func(sent, _ int64) {
		if sent < before {
			resumed = append(resumed, sent)
		}
		before = sent
		if signal, ok := signals[sent]; ok {
			delete(signals, sent)
			end(signal)
			end = startProcess(t, dir)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	source := upload.Source[chunk]{Name: "large", Content: &pattern{n: size}}
	client := uploadv1service.NewUploadServiceClient(conn)
	if _, err := images.Send(ctx, client, source, upload.WithResume(0), follow); err != nil {
		t.Fatal(err)
	}
	want := sha256.New()
	_, _ = io.Copy(want, &pattern{n: size})
	got, err := os.ReadFile(filepath.Join(dir, "sums"))
	if string(got) != hex.EncodeToString(want.Sum(nil))+"\n" || err != nil {
		t.Errorf("saved %q, %v", got, err)
	}
	for _, sent := range resumed {
		if sent < 2<<20 {
			t.Errorf("resumed after %d bytes", sent)
		}
	}
	if files, _ := staged(t, filepath.Join(dir, "staging")); len(signals) > 0 || files != 0 {
		t.Errorf("%d signals were not sent, %d files are left", len(signals), files)
	}
}

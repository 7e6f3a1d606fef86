package process_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/examples/shop/internal/process"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// The programs as a user runs them: the server serves, the client succeeds, and SIGTERM stops the
// server with status 0.
func TestShop(t *testing.T) {
	bin := t.TempDir()
	if err := process.Build(t.Context(), bin, "server", "client"); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	server, err := process.Start(t.Context(), filepath.Join(bin, "server"), &log, nil, "-drain-delay", "100ms", "-uploads", t.TempDir())
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "client"), "-addr", server.Addr,
		"-timeout", "10m").CombinedOutput()
	if err != nil {
		t.Errorf("client: %v\n%s", err, out)
	}
	ended := openChat(t, server.Addr)
	if err := server.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("server: %v\n%s", err, &log)
	}
	if err := <-ended; rpcerr.ReasonOf(err) != rpcerr.ReasonDraining {
		t.Errorf("the open chat ended with %v, want the reason of a shutdown", err)
	}
}

// openChat sends one message, receives it, and then sends nothing more; the channel receives the
// error that ends the chat.
func openChat(t *testing.T, addr string) <-chan error {
	t.Helper()
	conn, err := client.Dial(addr, client.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	callers, err := auth.Provider{}.Callers()
	if err != nil {
		t.Fatal(err)
	}
	say := func(yield func(*shopv1.ChatMessage, error) bool) {
		if yield(&shopv1.ChatMessage{UserId: "ada", RoomId: "sales", Content: "anybody here?"}, nil) {
			<-t.Context().Done()
		}
	}
	heard, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		var last error
		for message, err := range shopv1service.NewChatServiceClient(conn).Chat(callers.As(t.Context(), auth.Guest), say) {
			if last = err; message.GetUserId() == "guest" { // after the notice that it has joined
				close(heard)
			}
		}
		ended <- last
	}()
	select {
	case <-heard:
	case err := <-ended:
		t.Fatalf("the chat did not open: %v", err)
	}
	return ended
}

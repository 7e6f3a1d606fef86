package web_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/web"
)

// open opens a stream of each protocol that keeps it open, and of gRPC, and returns functions that
// wait for their ends.
func open(t *testing.T, r *running, started <-chan struct{}) map[string]func() error {
	t.Helper()
	ends := make(map[string]func() error)
	for _, p := range protocols {
		client := r.clientOf(t, p)
		stream, err := client.CallServerStream(echotest.Context(t), spec("Many", connect.StreamTypeServer), text("a"))
		if err != nil {
			t.Fatal(err)
		}
		echotest.Within(t, started)
		ends[p.name] = func() error {
			_, err := drain(stream, nil)
			return err
		}
	}
	stream, err := r.grpc.NewStream(echotest.Context(t), &grpc.StreamDesc{ServerStreams: true}, "/test.v1.Echo/Many")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = stream.SendMsg(text("a")), stream.CloseSend()
	echotest.Within(t, started)
	ends["gRPC"] = func() error {
		for {
			if err := stream.RecvMsg(new(Text)); err != nil {
				return echotest.EndOf(err)
			}
		}
	}
	return ends
}

// TestShutdownNotifiesStreamsOfBothAddresses checks that streams that watch for the drain end, and
// the shutdown with them.
func TestShutdownNotifiesStreamsOfBothAddresses(t *testing.T) {
	started := make(chan struct{}, 16)
	impl := echo
	impl.ManyFunc = func(ctx context.Context, _ *Text) runtime.Stream[Text] {
		return func(yield func(*Text, error) bool) {
			started <- struct{}{}
			if yield(text("1"), nil) {
				<-runtime.Draining(ctx)
				yield(nil, runtime.ErrDraining)
			}
		}
	}
	r := serve(t, impl, config{options: []server.Option{server.WithShutdownTimeout(time.Minute)}})
	ends := open(t, r, started)
	if err := r.stop(); err != nil { // within 20 s, or it has not ended
		t.Error(err)
	}
	for name, end := range ends {
		if err := end(); rpcerr.ReasonOf(err) != rpcerr.ReasonDraining || status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := net.Dial("tcp", r.addr); err == nil {
		t.Error("the address accepts connections after the shutdown")
	}
}

// TestShutdownCutsStreamsOfBothAddresses checks streams that wait for something else: they are
// canceled within the budget, and the error names them.
func TestShutdownCutsStreamsOfBothAddresses(t *testing.T) {
	started := make(chan struct{}, 16)
	impl := echo
	impl.ManyFunc = func(ctx context.Context, _ *Text) runtime.Stream[Text] {
		return func(yield func(*Text, error) bool) {
			started <- struct{}{}
			if yield(text("1"), nil) {
				<-ctx.Done()
				yield(nil, ctx.Err())
			}
		}
	}
	r := serve(t, impl, config{options: []server.Option{server.WithShutdownTimeout(50 * time.Millisecond)}})
	ends := open(t, r, started)
	start := time.Now()
	if err := r.stop(); err == nil || !strings.Contains(err.Error(), "Echo/Many (9)") {
		t.Errorf("the shutdown returns %v", err)
	}
	cut := time.Since(start) > time.Second // too slow: connections were closed before the answers
	for name, end := range ends {
		if err := end(); err == nil || !cut && (rpcerr.ReasonOf(err) != rpcerr.ReasonDraining || status.Code(err) != codes.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestShutdownWithOpenRequests checks streams of requests whose clients send nothing more, and
// connections without calls: no one holds the shutdown up.
func TestShutdownWithOpenRequests(t *testing.T) {
	r := serve(t, echo, config{options: []server.Option{server.WithShutdownTimeout(50 * time.Millisecond)}})
	idle := r.raw(t, "")
	partly := r.raw(t, "POST /test.v1.Echo/One HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n\"")
	upload := r.raw(t, "POST /test.v1.Echo/Join HTTP/1.1\r\nHost: x\r\nContent-Type: application/connect+json\r\nContent-Length: 99\r\n\r\n"+envelope(0, 3, []byte(`"a"`)))
	client := r.clientOf(t, protocols[7])
	chat, err := client.CallClientStream(echotest.Context(t), spec("Chat", connect.StreamTypeBidi))
	if err != nil {
		t.Fatal(err)
	}
	if err := chat.Send(text("a")); err != nil {
		t.Fatal(err)
	}
	if err := chat.Receive(new(Text)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "three calls", func() bool { return r.Status().Calls == 3 })
	start := time.Now()
	if err := r.stop(); err == nil || !strings.Contains(err.Error(), "Echo/Chat (1), test.v1.Echo/Join (1), test.v1.Echo/One (1)") {
		t.Errorf("the shutdown returns %v", err)
	}
	cut := time.Since(start) > time.Second // too slow: connections were closed before the answers
	if _, err := drain(chat, nil); err == nil || !cut && rpcerr.ReasonOf(err) != rpcerr.ReasonDraining {
		t.Errorf("the open stream ends with %v", err)
	}
	for name, conn := range map[string]net.Conn{"One": partly, "Join": upload} {
		if body, _ := io.ReadAll(conn); !cut && !strings.Contains(string(body), "SERVER_DRAINING") {
			t.Errorf("%s ends with %q", name, body)
		}
	}
	if n, err := io.Copy(io.Discard, idle); n > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the idle connection received %d bytes, %v", n, err)
	}
}

// callOne is a call of One, in binary: the race detector takes seconds to write 32 MiB of JSON.
const callOne = "POST " + one + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/proto\r\n" +
	"Content-Length: 0\r\n\r\n"

// TestUnreadResponses checks clients that do not read: streams end with the send timeout, and the
// response of a finished call holds no shutdown up.
func TestUnreadResponses(t *testing.T) {
	large, part := text(strings.Repeat("x", 32<<20)), text(strings.Repeat("x", 1<<20))
	impl := echo
	sent := make(chan error, 8)
	impl.OneFunc = func(context.Context, *Text) (*Text, error) { return large, nil }
	impl.ManyFunc = func(context.Context, *Text) runtime.Stream[Text] {
		return func(yield func(*Text, error) bool) {
			for yield(part, nil) {
			}
			sent <- nil
		}
	}
	log := new(echotest.Records)
	r := serve(t, impl, config{log: log, web: []web.Option{web.WithMaxResponseBytes(64 << 20)}, options: []server.Option{
		server.WithSendTimeout(200 * time.Millisecond), server.WithShutdownTimeout(time.Minute),
	}})
	const stream = "Content-Type: application/connect+proto\r\nContent-Length: 5\r\n\r\n"
	r.raw(t, "POST /test.v1.Echo/Many HTTP/1.1\r\nHost: x\r\n"+stream+envelope(0, 0, nil))
	client := r.clientOf(t, protocols[7]) // HTTP/2
	unread, err := client.CallServerStream(echotest.Context(t), spec("Many", connect.StreamTypeServer), text("a"))
	if err != nil {
		t.Fatal(err)
	}
	echotest.Within(t, sent)
	echotest.Within(t, sent)
	_, _ = drain(unread, nil)
	r.raw(t, callOne)
	eventually(t, "the end of all calls", func() bool {
		return r.Status().Calls == 0 && len(log.Named(t, "rpc")) == 3
	})
	slow := 0
	for _, record := range log.Named(t, "rpc") {
		if text, _ := record["error"].(string); strings.Contains(text, "did not read") && record["code"] == "ResourceExhausted" {
			slow++
		}
	}
	if slow != 2 {
		t.Errorf("%d streams are logged as slow, want 2: %s", slow, log.Text())
	}
	r.alive(t)
}

// TestShutdownDropsUnreadResponses checks that it does not wait for a client that does not read.
func TestShutdownDropsUnreadResponses(t *testing.T) {
	large := text(strings.Repeat("x", 32<<20))
	impl := echo
	returned := make(chan struct{})
	impl.OneFunc = func(context.Context, *Text) (*Text, error) {
		defer close(returned)
		return large, nil
	}
	r := serve(t, impl, config{web: []web.Option{web.WithMaxResponseBytes(64 << 20)}, options: []server.Option{server.WithShutdownTimeout(time.Hour)}})
	r.raw(t, callOne)
	echotest.Within(t, returned)
	if err := r.stop(); err != nil { // within 20 s
		t.Error(err)
	}
}

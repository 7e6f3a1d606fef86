package server_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// invoke calls One and sends its error.
func invoke(ctx context.Context, srv *echotest.Running) <-chan error {
	done := make(chan error, 1)
	go func() { done <- echotest.Kinds["One"](ctx, srv.Conn) }()
	return done
}

// watch opens a health Watch and returns its first status and a function that waits for its end.
func watch(t *testing.T, srv *echotest.Running, service string) (healthpb.HealthCheckResponse_ServingStatus, grpc.ServerStreamingClient[healthpb.HealthCheckResponse]) {
	t.Helper()
	w, err := healthpb.NewHealthClient(srv.Conn).Watch(echotest.Context(t), &healthpb.HealthCheckRequest{Service: service})
	if err != nil {
		t.Fatal(err)
	}
	first, err := w.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return first.GetStatus(), w
}

func TestShutdownLetsCallsEnd(t *testing.T) {
	gate := newGate()
	impl := echotest.Funcs{
		OneFunc: func(ctx context.Context, _ *text) (*text, error) {
			return wrapperspb.String("slow"), gate.pass(ctx)
		},
		ChatFunc: func(ctx context.Context, _ runtime.Stream[text]) runtime.Stream[text] {
			return func(yield func(*text, error) bool) {
				if yield(wrapperspb.String("open"), nil) {
					_ = echotest.Await(ctx, runtime.Draining(ctx))
				}
			}
		},
	}
	srv := echotest.Start(t, impl)
	slow := invoke(echotest.Context(t), srv)
	echotest.Within(t, gate.entered)
	chat, err := srv.Conn.NewStream(echotest.Context(t), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/test.v1.Echo/Chat")
	if err != nil {
		t.Fatal(err)
	}
	if err := chat.RecvMsg(new(text)); err != nil {
		t.Fatal(err)
	}
	serving, w := watch(t, srv, echotest.Name)
	if serving != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health is %v before the shutdown", serving)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Stop() }()
	if next, err := w.Recv(); err != nil || next.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("the health watch got %v, %v, want NOT_SERVING", next, err)
	}
	if _, err := w.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the health watch ended with %v, want UNAVAILABLE", err)
	}
	if err := echotest.EndOf(chat.RecvMsg(new(text))); err != nil {
		t.Errorf("the stream that looks at Draining ended with %v", err)
	}
	close(gate.open)
	if err := echotest.Within(t, slow); err != nil {
		t.Errorf("the call in flight got %v", err)
	}
	if err := echotest.Within(t, stopped); err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

func TestShutdownCutsOffWhatDoesNotEnd(t *testing.T) {
	entered := make(chan struct{}, 2)
	stubborn := func(ctx context.Context) error {
		entered <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	srv := echotest.Start(t, echotest.Behaving(stubborn), server.WithShutdownTimeout(10*time.Millisecond), server.WithDefaultTimeout(0))
	unary := invoke(context.Background(), srv)
	chat := make(chan error, 1)
	go func() { chat <- echotest.Kinds["Chat"](context.Background(), srv.Conn) }()
	echotest.Within(t, entered)
	echotest.Within(t, entered)
	err := srv.Stop()
	if err == nil || !strings.Contains(err.Error(), "test.v1.Echo/Chat (1), test.v1.Echo/One (1)") {
		t.Errorf("Serve returned %v, want the methods that were cut off", err)
	}
	for name, ch := range map[string]<-chan error{"stream": chat, "unary": unary} {
		if err := echotest.Within(t, ch); status.Code(err) != codes.Unavailable {
			t.Errorf("the %s got %v, want UNAVAILABLE", name, err)
		}
	}
}

func TestShutdownFinishesWithoutMethodsThatIgnoreTheirContext(t *testing.T) {
	t.Parallel() // it waits out what a shutdown grants
	entered, release := make(chan struct{}), make(chan struct{})
	srv := echotest.Start(t, echotest.Behaving(func(context.Context) error {
		close(entered)
		<-release
		return nil
	}), server.WithShutdownTimeout(0))
	call := invoke(echotest.Context(t), srv)
	echotest.Within(t, entered)
	err := srv.Stop()
	close(release)
	if err == nil || !strings.Contains(err.Error(), "ignore their context: test.v1.Echo/One (1)") {
		t.Errorf("Serve returned %v, want the method that is still running", err)
	}
	if err := echotest.Within(t, call); status.Code(err) != codes.Unavailable {
		t.Errorf("the call got %v", err)
	}
}

func TestDrainDelayTakesCalls(t *testing.T) {
	srv := echotest.Start(t, echotest.Behaving(func(context.Context) error { return nil }), server.WithDrainDelay(time.Hour))
	_, w := watch(t, srv, "")
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Stop() }()
	for err := error(nil); err == nil; { // until the delay has begun, and nothing of the watch is left
		_, err = w.Recv()
	}
	if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); err != nil {
		t.Errorf("a call in the drain delay got %v", err)
	}
	expired, cancel := context.WithCancel(context.Background())
	cancel()
	if err := srv.Shutdown(expired); err != nil { // nothing is in flight: forcing it cuts off nothing
		t.Errorf("Shutdown returned %v", err)
	}
	echotest.Within(t, stopped)
}

func TestShutdownFromAnotherGoroutine(t *testing.T) {
	srv := echotest.Start(t, echotest.Funcs{})
	if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); status.Code(err) != codes.Unimplemented {
		t.Fatal(err)
	}
	for range 2 {
		if err := srv.Shutdown(echotest.Context(t)); err != nil {
			t.Errorf("Shutdown returned %v", err)
		}
	}
	if err := srv.Serve(context.Background(), closedListener{}); err == nil || !strings.Contains(err.Error(), "served already") {
		t.Errorf("a second Serve returned %v", err)
	}
}

func TestShutdownBeforeServe(t *testing.T) {
	srv := server.New()
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := srv.Run(context.Background(), "127.0.0.1:0"); err == nil {
		t.Error("a server that was shut down serves")
	}
}

// closedListener is a listener that accepts nothing.
type closedListener struct{ net.Listener }

func (closedListener) Accept() (net.Conn, error) { return nil, errors.New("out of descriptors") }
func (closedListener) Close() error              { return nil }
func (closedListener) Addr() net.Addr            { return &net.TCPAddr{} }

func TestServeReportsABrokenListener(t *testing.T) {
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)))
	if err := srv.Serve(context.Background(), closedListener{}); err == nil || !strings.Contains(err.Error(), "out of descriptors") {
		t.Errorf("Serve returned %v", err)
	}
}

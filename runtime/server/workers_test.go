package server_test

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	goruntime "runtime"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// workers counts grpc's goroutines that wait for calls or run them. The option of grpc is
// experimental: this tells when it changes.
func workers(t *testing.T) (n int) {
	t.Helper()
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 2); err != nil {
		t.Fatal(err)
	}
	return strings.Count(profile.String(), "(*Server).serverWorker(")
}

// wantWorkers waits for a number of workers.
func wantWorkers(t *testing.T, want int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for workers(t) != want && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if got := workers(t); got != want {
		t.Errorf("%d workers, want %d", got, want)
	}
}

func TestStreamWorkers(t *testing.T) {
	wantWorkers(t, 0) // those of other tests have ended
	for want, opts := range map[int][]server.Option{
		server.StreamWorkers: nil,
		3:                    {server.WithStreamWorkers(3)},
		0:                    {server.WithStreamWorkers(0)},
	} {
		running := echotest.Start(t, echotest.Behaving(func(context.Context) error { return nil }), opts...)
		if _, err := (echotest.Client{Rows: echotest.RowsOf(echotest.Table, running.Conn)}).
			One(echotest.Context(t), echotest.TenBytes); err != nil {
			t.Error(err)
		}
		wantWorkers(t, want)
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
		wantWorkers(t, 0)
	}
}

// TestMoreStreamsThanWorkers opens streams that hold all workers and many more.
func TestMoreStreamsThanWorkers(t *testing.T) {
	servicetest.NoLeaks(t)
	running := echotest.Start(t, echotest.Funcs{
		ChatFunc: func(_ context.Context, reqs runtime.Stream[text]) runtime.Stream[text] { return reqs },
	}, server.WithStreamWorkers(2))
	ctx, cancel := context.WithCancel(echotest.Context(t))
	defer cancel()
	for range 50 {
		stream, err := running.Conn.NewStream(ctx,
			&grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/test.v1.Echo/Chat")
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.SendMsg(echotest.TenBytes); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(new(text)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMethodsThatEndTheirWorkers checks that calls go on when all workers are gone.
func TestMethodsThatEndTheirWorkers(t *testing.T) {
	servicetest.NoLeaks(t)
	wantWorkers(t, 0)
	exits := true
	running := echotest.Start(t, echotest.Behaving(func(context.Context) error {
		if exits {
			goruntime.Goexit()
		}
		return nil
	}), server.WithStreamWorkers(2))
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, running.Conn)}
	for range 5 {
		_, err := stub.One(echotest.Context(t), echotest.TenBytes)
		if status.Code(err) != codes.Internal {
			t.Errorf("got %v", err)
		}
	}
	wantWorkers(t, 0)
	exits = false
	for range 5 {
		if _, err := stub.One(echotest.Context(t), echotest.TenBytes); err != nil {
			t.Error(err)
		}
	}
}

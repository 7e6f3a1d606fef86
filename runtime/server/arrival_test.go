package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// TestInterceptorsMayCallMethodsTwice checks that the calls of an interceptor are apart, although a
// call is allocated when its headers arrive.
func TestInterceptorsMayCallMethodsTwice(t *testing.T) {
	servicetest.NoLeaks(t)
	var mu sync.Mutex
	var calls []runtime.Call
	impl := echotest.Behaving(func(ctx context.Context) error {
		call, _ := runtime.CallFromContext(ctx)
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, call)
		return nil
	})
	n := 0
	number := server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) {
		n++
		return runtime.NewPrincipal(fmt.Sprint("caller ", n)), nil
	})
	running := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}}), impl)
	}, server.WithAuthenticator(number), server.WithGRPCOptions(serverWide(
		func(ctx context.Context, _ string, next func(context.Context) error) error {
			if err := next(ctx); err != nil {
				return err
			}
			return next(ctx)
		})...))
	if err := echotest.Kinds["One"](echotest.Context(t), running.Conn); err != nil {
		t.Fatal(err)
	}
	if len(calls) != 2 || calls[0] == calls[1] || calls[0].Principal().ID != "caller 1" ||
		calls[1].Principal().ID != "caller 2" || calls[1].Start().Before(calls[0].Start()) {
		t.Errorf("the method got %v", calls)
	}
}

// TestInterceptorsReplaceWhatHasArrived checks that the request ID and the peer are those that an
// interceptor has put into the context, for the method and in the log.
func TestInterceptorsReplaceWhatHasArrived(t *testing.T) {
	log := new(echotest.Records)
	var mu sync.Mutex
	var got []string
	impl := echotest.Behaving(func(ctx context.Context) error {
		call, _ := runtime.CallFromContext(ctx)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, call.RequestID()+" "+call.Peer().String())
		return nil
	})
	running := echotest.Start(t, impl, server.WithLogger(log.Logger(slog.LevelInfo)), server.WithGRPCOptions(serverWide(
		func(ctx context.Context, _ string, next func(context.Context) error) error {
			p, _ := peer.FromContext(ctx)
			other := *p
			other.Addr = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4711}
			return next(peer.NewContext(metadata.NewIncomingContext(ctx,
				metadata.MD{"X-Request-Id": {"another"}}), &other))
		})...))
	for kind, call := range echotest.Kinds {
		got = nil
		ctx := metadata.AppendToOutgoingContext(echotest.Context(t), "x-request-id", "sent")
		if err := call(ctx, running.Conn); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if fmt.Sprint(got) != "[another 192.0.2.1:4711]" {
			t.Errorf("%s: got %q", kind, got)
		}
	}
	if err := running.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, record := range log.Named(t, "rpc") {
		if record["request_id"] != "another" || record["peer"] != "192.0.2.1:4711" {
			t.Errorf("the log has %v", record)
		}
	}
}

// TestCallsStartWhenTheyArrive checks that the start of a call lies between its sending and its end.
func TestCallsStartWhenTheyArrive(t *testing.T) {
	before := time.Now()
	var start time.Time
	running := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error {
		call, _ := runtime.CallFromContext(ctx)
		start = call.Start()
		return nil
	}))
	if err := echotest.Kinds["One"](echotest.Context(t), running.Conn); err != nil {
		t.Fatal(err)
	}
	if start.Before(before) || start.After(time.Now()) {
		t.Errorf("the call started at %v, not after %v", start, before)
	}
}

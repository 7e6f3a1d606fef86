package server_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// fakeFront is a front that serves nothing.
type fakeFront struct {
	fail              error // of Serve
	stop              sync.Once
	stopped, graceful chan struct{}
}

func newFakeFront(fail error) *fakeFront {
	return &fakeFront{fail: fail, stopped: make(chan struct{}), graceful: make(chan struct{})}
}

func (f *fakeFront) Serve(lis net.Listener) error {
	defer lis.Close()
	if f.fail != nil {
		return f.fail
	}
	select {
	case <-f.graceful:
	case <-f.stopped:
	}
	return nil
}

func (f *fakeFront) GracefulStop() { close(f.graceful) }

func (f *fakeFront) Stop() { f.stop.Do(func() { close(f.stopped) }) }

func (f *fakeFront) open(*server.Host) (server.Front, error) { return f, nil }

// TestFrontOfAServer checks the life of a front, and what becomes of its errors.
func TestFrontOfAServer(t *testing.T) {
	servicetest.NoLeaks(t)
	broken := errors.New("broken")
	run := func(opts ...server.Option) error {
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return server.New(append(opts, server.WithDrainDelay(0))...).Serve(echotest.Context(t), lis)
	}
	if err := run(server.WithFront("fake", "127.0.0.1:0", newFakeFront(broken).open)); !errors.Is(err, broken) {
		t.Errorf("a front that fails: %v", err)
	}
	other := newFakeFront(nil)
	err := run(server.WithFront("fake", "127.0.0.1:0", other.open),
		server.WithFront("late", "127.0.0.1:0", func(*server.Host) (server.Front, error) { return nil, broken }))
	if !errors.Is(err, broken) {
		t.Errorf("a front that cannot be opened: %v", err)
	}
	echotest.Within(t, other.stopped)
	for want, option := range map[string]server.Option{
		"pass a function": server.WithFront("fake", ":0", nil),
		"nonsense":        server.WithFront("fake", "nonsense", other.open),
	} {
		if err := run(option); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	front := newFakeFront(nil)
	srv := server.New(server.WithDrainDelay(0), server.WithFront("fake", "127.0.0.1:0", front.open))
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	for waiting := echotest.Context(t); len(srv.Status().Addrs) < 2; time.Sleep(time.Millisecond) {
		if waiting.Err() != nil {
			t.Fatal("the server does not have two addresses")
		}
	}
	cancel()
	echotest.Within(t, front.graceful)
	if err := echotest.Within(t, served); err != nil {
		t.Error(err)
	}
}

// TestFrontUsesTheServer has a front use its server while it is opened.
func TestFrontUsesTheServer(t *testing.T) {
	servicetest.NoLeaks(t)
	for name, addr := range map[string]string{"second": "127.0.0.1:0", "sole": ""} {
		front := newFakeFront(nil)
		var srv *server.Server
		serve := func() error {
			lis, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			return srv.Serve(echotest.Context(t), lis)
		}
		open := func(h *server.Host) (server.Front, error) {
			if got := srv.Status().State; got != server.StateStarting {
				t.Errorf("%s: the server is %v while it starts", name, got)
			}
			if len(srv.GetServiceInfo()) == 0 || len(srv.Sources()) == 0 || len(h.Methods().All()) == 0 {
				t.Errorf("%s: the server has no services", name)
			}
			if err := serve(); err == nil || !strings.Contains(err.Error(), "create a new one") {
				t.Errorf("%s: a second Serve returned %v", name, err)
			}
			server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{})
			go func() { _ = srv.Shutdown(context.Background()) }()
			return front, nil
		}
		srv = server.New(server.WithDrainDelay(0), server.WithFront("fake", addr, open))
		if err := serve(); err == nil || !strings.Contains(err.Error(), "registered after Serve") {
			t.Errorf("%s: Serve returned %v, want the error of the late registration", name, err)
		}
	}
}

// TestFrontFailsDuringAShutdown shuts a server down while a front is opened that fails or panics.
// Shutdown returns.
func TestFrontFailsDuringAShutdown(t *testing.T) {
	servicetest.NoLeaks(t)
	broken := errors.New("broken")
	for name, fail := range map[string]func() error{
		"error": func() error { return broken },
		"panic": func() error { panic(broken) },
	} {
		var srv *server.Server
		shut := make(chan error, 1)
		open := func(h *server.Host) (server.Front, error) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			requested := make(chan struct{})
			go func() {
				close(requested)
				shut <- srv.Shutdown(ctx)
			}()
			<-requested
			return nil, fail()
		}
		srv = server.New(server.WithDrainDelay(0), server.WithFront("fake", "127.0.0.1:0", open))
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if got := recover(); (got != nil) != (name == "panic") {
					t.Errorf("%s: the panic %v", name, got)
				}
			}()
			if err := srv.Serve(echotest.Context(t), lis); !errors.Is(err, broken) {
				t.Errorf("%s: Serve returned %v", name, err)
			}
		}()
		_ = lis.Close()          // after a panic
		echotest.Within(t, shut) // nil if it was called after the failure
		if err := srv.Shutdown(context.Background()); err != nil && !errors.Is(err, broken) && name == "error" {
			t.Errorf("%s: a second Shutdown returned %v", name, err)
		}
	}
}

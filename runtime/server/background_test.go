package server_test

import (
	"context"
	"errors"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// untilEnd is a background function that says when it has begun, and returns when its context ends.
func untilEnd(begun chan<- context.Context) func(context.Context) error {
	return func(ctx context.Context) error {
		begun <- ctx
		<-ctx.Done()
		return ctx.Err()
	}
}

func TestBackgroundRunsWhileTheServerServes(t *testing.T) {
	begun := make(chan context.Context, 1)
	srv := echotest.StartServer(t, func(srv *server.Server) { srv.Background("refresher", untilEnd(begun)) })
	ctx := echotest.Within(t, begun)
	if ctx.Err() != nil {
		t.Error("its context has ended before the server drains")
	}
	if err := srv.Stop(); err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if ctx.Err() == nil {
		t.Error("the server did not wait for it")
	}
}

func TestBackgroundGoesOnDuringTheDrainDelay(t *testing.T) {
	begun := make(chan context.Context, 1)
	srv := echotest.StartServer(t, func(srv *server.Server) { srv.Background("refresher", untilEnd(begun)) }, server.WithDrainDelay(time.Hour))
	ctx := echotest.Within(t, begun)
	_, w := watch(t, srv, "")
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Stop() }()
	for err := error(nil); err == nil; { // until the delay has begun
		_, err = w.Recv()
	}
	if ctx.Err() != nil {
		t.Error("its context has ended in the drain delay")
	}
	expired, cancel := context.WithCancel(context.Background())
	cancel()
	if err := srv.Shutdown(expired); err != nil {
		t.Errorf("Shutdown returned %v", err)
	}
	echotest.Within(t, stopped)
}

func TestTheServerEndsWithWhatItRunsInTheBackground(t *testing.T) {
	for want, fn := range map[string]func(context.Context) error{
		"refresher failed in the background: no more": func(context.Context) error { return errors.New("no more") },
		"refresher failed in the background: panic: boom": func(context.Context) error {
			panic("boom")
		},
		"refresher failed in the background: it ended its goroutine": func(context.Context) error {
			goruntime.Goexit()
			return nil
		},
	} {
		other := make(chan context.Context, 1)
		srv := echotest.StartServer(t, func(srv *server.Server) {
			srv.Background("other", untilEnd(other))
			srv.Background("refresher", fn)
		})
		echotest.Within(t, endsWith(echotest.Within(t, other)))
		if err := srv.Stop(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Serve returned %v, want %s", err, want)
		}
	}
}

// endsWith returns a channel that is closed when ctx ends.
func endsWith(ctx context.Context) <-chan struct{} { return ctx.Done() }

func TestBackgroundMayEndByItself(t *testing.T) {
	done := make(chan struct{})
	srv := echotest.StartServer(t, func(srv *server.Server) {
		srv.Background("once", func(context.Context) error { close(done); return nil })
		server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(func(context.Context) error { return nil }))
	})
	echotest.Within(t, done)
	if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); err != nil {
		t.Errorf("a call got %v", err)
	}
	if err := srv.Stop(); err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

func TestShutdownNamesWhatStaysInTheBackground(t *testing.T) {
	t.Parallel() // it waits out what a shutdown grants
	begun, release := make(chan struct{}), make(chan struct{})
	srv := echotest.StartServer(t, func(srv *server.Server) {
		srv.Background("deaf", func(context.Context) error { close(begun); <-release; return nil })
	}, server.WithShutdownTimeout(0))
	echotest.Within(t, begun)
	if err := srv.Stop(); err == nil || !strings.Contains(err.Error(), "deaf") {
		t.Errorf("Serve returned %v, want the name of what did not end", err)
	}
	close(release)
}

func TestBackgroundIsForBeforeServe(t *testing.T) {
	srv := echotest.Start(t, echotest.Funcs{})
	if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); err == nil { // it serves
		t.Fatal(err)
	}
	srv.Background("late", func(context.Context) error { t.Error("it runs"); return nil })
	if err := srv.Stop(); err == nil || !strings.Contains(err.Error(), "late: registered after Serve") {
		t.Errorf("Serve returned %v", err)
	}
	empty := server.New()
	empty.Background("nothing", nil)
	if err := empty.Serve(t.Context(), closedListener{}); err == nil || !strings.Contains(err.Error(), `Background("nothing", nil)`) {
		t.Errorf("Serve returned %v", err)
	}
}

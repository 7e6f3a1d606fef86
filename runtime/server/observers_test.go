package server_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestPanickingObservers holds that observers that panic in every call fail no call and do not fill
// the log, and that the others see every call.
func TestPanickingObservers(t *testing.T) {
	const calls = 5
	log, seen := new(echotest.Records), make(outcomes, calls*len(echotest.Kinds))
	var handled atomic.Int64
	srv := echotest.Start(t, echotest.Behaving(succeed), server.WithLogger(log.Logger(slog.LevelInfo)),
		server.WithPanicHandler(func(context.Context, any, []byte) { handled.Add(1) }),
		server.WithObservers(panicky{at: "begin"}, seen, &panicky{at: "end"}))
	for range calls {
		for kind, call := range echotest.Kinds {
			if err := call(echotest.Context(t), srv.Conn); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
			if got := echotest.Within(t, seen); got.Err != nil || got.Step != "" {
				t.Errorf("%s: observed %+v", kind, got)
			}
		}
	}
	var records []string
	wait(t, "both are logged", func() bool {
		records = nil
		for _, r := range log.Named(t, "panic") {
			records = append(records, r["observer"].(string)+" "+r["panic"].(string))
		}
		return len(records) >= 2
	})
	slices.Sort(records)
	if want := []string{"*server_test.panicky end", "server_test.panicky begin"}; !slices.Equal(records, want) {
		t.Errorf("the log has %q, want %q", records, want)
	}
	if n := handled.Load(); n != 2 {
		t.Errorf("the panic handler is called %d times", n)
	}
	if err := srv.Server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	check(t, figures(t, srv.Server), map[string]float64{
		metric.ServerObserverPanics + "{server_test.panicky}":  calls * float64(len(echotest.Kinds)),
		metric.ServerObserverPanics + "{*server_test.panicky}": calls * float64(len(echotest.Kinds)),
		metric.ServerObserverPanics + "{access log}":           0,
	})
}

// bindless is an observer that panics before it observes anything.
type bindless struct{}

func (bindless) Bind(runtime.MethodInfo) runtime.MethodObserver { panic("bind") }

// TestObserversThatPanicInBind holds that a server does not serve without what should observe it.
func TestObserversThatPanicInBind(t *testing.T) {
	const want = "test.v1.Echo/One: the observer server_test.bindless panicked in Bind: bind"
	srv := server.New(server.WithObservers(bindless{}))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{})
	if err := srv.Run(echotest.Context(t), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Run returned %v", err)
	}
	defer func() {
		if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("On panicked with %v", err)
		}
	}()
	server.Register[echotest.Service](server.On(grpc.NewServer(), server.WithObservers(bindless{})), echotest.Table, echotest.Funcs{})
}

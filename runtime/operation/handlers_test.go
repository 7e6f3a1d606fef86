package operation_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/test/bufconn"

	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestAMethodWithoutHandlerIsFoundAtTheStart serves a method whose operations nothing would run.
func TestAMethodWithoutHandlerIsFoundAtTheStart(t *testing.T) {
	const rpc = "test.Counter/Count"
	for name, test := range map[string]struct {
		opts   []operation.Option
		handle bool
		want   []string // of the error; nil if the server serves
	}{
		"no handler": {want: []string{
			rpc + " starts operations", "CounterCount.Handle", `operation.WithUnhandled("` + rpc + `")`, "WithStartOnly"}},
		"another one":           {opts: []operation.Option{operation.WithUnhandled("test.Counter/Other")}, want: []string{rpc}},
		"what is no RPC":        {opts: []operation.Option{operation.WithUnhandled("Count")}, handle: true, want: []string{`operation.WithUnhandled("Count")`}},
		"a handler":             {handle: true},
		"other processes":       {opts: []operation.Option{operation.WithStartOnly()}},
		"somebody else":         {opts: []operation.Option{operation.WithUnhandled("test.Other/X", rpc)}},
		"another for a service": {opts: []operation.Option{operation.WithUnhandled("test.Counter/*")}},
	} {
		t.Run(name, func(t *testing.T) {
			ops := operation.NewManager(operation.Memory(), append(test.opts, operation.WithLogger(slog.New(slog.DiscardHandler)))...)
			if test.handle {
				counterCount.Handle(ops, count(nil))
			}
			srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0), server.WithoutAuthentication())
			operation.Register(srv, ops)
			server.Register[counter](srv, counterTable, counter(&counterServer{ops})) // in any order
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if test.want == nil {
				srv.Background("test", func(context.Context) error { cancel(); return nil })
			}
			err := srv.Serve(ctx, bufconn.Listen(1<<20))
			if test.want == nil {
				if err != nil {
					t.Errorf("Serve: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("the server served")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Serve: %v; want %q in it", err, want)
				}
			}
		})
	}
}

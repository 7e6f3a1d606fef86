package server_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/seal"
	"github.com/grpcservice/grpcservice/runtime/server"
)

var (
	tokenKey   = seal.NewKey([]byte("0123456789abcdef"))
	pagedTable = runtime.NewService(echotest.Name, wrapperspb.File_google_protobuf_wrappers_proto,
		runtime.Unary("One", echotest.Service.One, runtime.Policy{Page: runtime.Page{MaxSize: 10}}))
)

// TestServersWithoutTokenKeysWarn checks that they do where they hand out tokens, once, and say for
// what.
func TestServersWithoutTokenKeysWarn(t *testing.T) {
	for name, test := range map[string]struct {
		table *runtime.Service[echotest.Service]
		opts  []server.Option
		want  int
	}{
		"pages and no keys": {pagedTable, nil, 1},
		"pages and keys":    {pagedTable, []server.Option{server.WithTokenKeys(tokenKey)}, 0},
		"no pages":          {echotest.Table, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			served, own := new(echotest.Records), new(echotest.Records)
			srv := echotest.StartServer(t, func(srv *server.Server) { server.Register[echotest.Service](srv, test.table, echotest.Funcs{}) },
				append(test.opts, server.WithLogger(served.Logger(slog.LevelInfo)))...)
			_ = echotest.Kinds["One"](echotest.Context(t), srv.Conn) // it serves
			ours := server.On(grpc.NewServer(), append(test.opts, server.WithLogger(own.Logger(slog.LevelInfo)))...)
			server.Register[echotest.Service](ours, test.table, echotest.Funcs{})
			for where, log := range map[string]*echotest.Records{"Server": served, "On": own} {
				got := log.Warnings(t)
				if len(got) != test.want || len(got) > 0 && !strings.Contains(got[0], "test.v1.Echo/One") {
					t.Errorf("%s: got %q, want %d", where, got, test.want)
				}
			}
		})
	}
}

// TestTokenRing holds which keys a call has: its server's, or those of the process, which are the
// same everywhere in it.
func TestTokenRing(t *testing.T) {
	ringOf := func(opts ...server.Option) (ring *seal.Ring) {
		srv := echotest.Start(t, echotest.Funcs{OneFunc: func(ctx context.Context, _ *text) (*text, error) {
			ring = callctx.TokenRing(ctx)
			return new(text), nil
		}}, opts...)
		if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); err != nil {
			t.Fatal(err)
		}
		return ring
	}
	random, configured := ringOf(), ringOf(server.WithTokenKeys(tokenKey))
	if random == nil || random != ringOf() || random != callctx.TokenRing(t.Context()) {
		t.Error("servers without keys and what is outside of calls do not understand each other")
	}
	if configured == random {
		t.Fatal("the keys are not used")
	}
	same, err := seal.NewRing(tokenKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := same.Open("x", seal.Binding{}, configured.Seal("x", seal.Binding{}, time.Time{}, nil)); err != nil {
		t.Error(err)
	}
}

func TestTokenKeysThatAreNoGood(t *testing.T) {
	err := server.New(server.WithTokenKeys(seal.NewKey([]byte("short")))).Run(t.Context(), "127.0.0.1:0")
	if err == nil || !strings.Contains(err.Error(), "WithTokenKeys: key 1 has 5 bytes") {
		t.Errorf("got %v", err)
	}
}

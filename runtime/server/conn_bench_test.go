package server_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// copying encodes and decodes the messages of a method, as a call does.
type copying struct{ echotest.Funcs }

func (c copying) One(ctx context.Context, req *text) (*text, error) {
	received, resp := new(text), new(text)
	if err := copyOf(req, received); err != nil {
		return nil, err
	}
	sent, err := c.Funcs.One(ctx, received)
	if err != nil {
		return nil, err
	}
	return resp, copyOf(sent, resp)
}

func copyOf(from, to proto.Message) error {
	data, err := proto.Marshal(from)
	if err != nil {
		return err
	}
	return proto.Unmarshal(data, to)
}

// BenchmarkConn compares calls without a network to the call of the method itself.
func BenchmarkConn(b *testing.B) {
	impl := echotest.Funcs{OneFunc: func(_ context.Context, req *text) (*text, error) { return req, nil }}
	client := func(log slog.Handler, opts ...server.ConnOption) echotest.Service {
		srv := server.New(server.WithLogger(slog.New(log)))
		server.Register[echotest.Service](srv, echotest.Table, impl)
		return echotest.Client{Rows: echotest.RowsOf(echotest.Table, srv.Conn(opts...))}
	}
	json := slog.NewJSONHandler(io.Discard, nil)
	req := wrapperspb.String(strings.Repeat("x", 100))
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	for _, side := range []struct {
		name string
		svc  echotest.Service
	}{
		{"method", impl},
		{"messages", copying{impl}},
		{"call", client(slog.DiscardHandler)},
		{"call-log", client(json)},
		{"separate", client(slog.DiscardHandler, server.WithSeparateGoroutines())},
		{"separate-log", client(json, server.WithSeparateGoroutines())},
	} {
		b.Run(side.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := side.svc.One(ctx, req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

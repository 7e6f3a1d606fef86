package server_test

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// part is a step and a companion that reports metrics.
type part struct {
	metric.Sources // implements metric.Source, without metrics
	server.Companion
	name string
}

// Bind implements server.Authenticator.
func (p *part) Bind(runtime.MethodInfo) server.AuthenticateFunc { return nil }

// guard is an idempotency guard that reports metrics.
type guard struct{ metric.Sources }

// Bind implements server.IdempotencyGuard.
func (*guard) Bind(runtime.MethodInfo) server.IdempotencyFunc {
	return func(ctx context.Context, _ proto.Message, run func(context.Context) (proto.Message, error)) (proto.Message, error) {
		return run(ctx)
	}
}

// TestSources checks that a server lists the parts that options gave it and those that were added,
// each once.
func TestSources(t *testing.T) {
	first, second, own, keys := &part{name: "first"}, &part{name: "second"}, &part{name: "own"}, &guard{}
	srv := server.New(server.WithAuthenticator(first, second), server.WithIdempotency(keys), server.WithCompanions(second))
	srv.AddSources(own, nil, metric.Sources{own}, keys, (*part)(nil))
	srv.AddSources(own)
	got := srv.Sources()
	want := metric.Sources{srv, keys, first, second, own}
	listed := slices.DeleteFunc(slices.Clone(got), func(s metric.Source) bool { _, ok := s.(metric.Sources); return ok })
	if !slices.Equal(listed, want) || len(got) != len(want)+1 {
		t.Errorf("the sources are %v, want %v, and a list", got, want)
	}
}

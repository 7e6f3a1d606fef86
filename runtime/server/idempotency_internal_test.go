package server

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/grpcservice/grpcservice/runtime"
)

// recognised is a policy whose repeated calls are recognized.
var recognised = runtime.Policy{IdempotencyKey: runtime.IdempotencyKey{Field: "request_id"}}

// twice is a guard that records its calls and returns the responses of methods as they are.
type twice struct{ bound []string }

func (g *twice) Bind(info runtime.MethodInfo) IdempotencyFunc {
	g.bound = append(g.bound, info.Name)
	if info.Name == "NotCaredFor" {
		return nil
	}
	return func(ctx context.Context, _ proto.Message, run func(context.Context) (proto.Message, error)) (proto.Message, error) {
		return run(ctx)
	}
}

func TestWhichMethodsAreGuarded(t *testing.T) {
	for name, test := range map[string]struct {
		info         runtime.MethodInfo
		asked, guard bool
	}{
		"with an idempotency key": {runtime.NewMethodInfo("t.S", "M", runtime.KindUnary, recognised), true, true},
		"without":                 {runtime.NewMethodInfo("t.S", "M", runtime.KindUnary, runtime.Policy{}), false, false},
		"not cared for":           {runtime.NewMethodInfo("t.S", "NotCaredFor", runtime.KindUnary, recognised), true, false},
		"one that streams":        {runtime.NewMethodInfo("t.S", "M", runtime.KindServerStream, recognised), false, false},
		"one that is streamed":    {runtime.NewMethodInfo("t.S", "M", runtime.KindClientStream, recognised), false, false},
	} {
		guard := new(twice)
		p := newPipeline(newSettings([]Option{WithIdempotency(guard)}))
		if got := p.bind(test.info, nil).idempotencyAround(); (got != nil) != test.guard || (len(guard.bound) > 0) != test.asked {
			t.Errorf("%s: guarded %v, the guard was asked for %v", name, got != nil, guard.bound)
		}
	}
}

func TestMessagesThatAreNotOfProto(t *testing.T) {
	p := newPipeline(newSettings([]Option{WithIdempotency(new(twice))}))
	guard := p.bind(runtime.NewMethodInfo("t.S", "M", runtime.KindUnary, recognised), nil).idempotencyAround()
	answers := func(resp any) grpc.UnaryHandler {
		return func(context.Context, any) (any, error) { return resp, nil }
	}
	if resp, err := guard(answers("a response"))(t.Context(), "a request"); resp != "a response" || err != nil {
		t.Errorf("got %v, %v; want a call that is not guarded", resp, err)
	}
	if _, err := guard(answers("a response"))(t.Context(), &emptypb.Empty{}); status.Code(err) != codes.Internal {
		t.Errorf("got %v, want INTERNAL for a response that cannot be kept", err)
	}
}

package idempotency

import (
	"context"
	"crypto/rand"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Bind returns the guard of a method's calls. It is nil for a method without idempotency keys,
// for one without side effects, whose responses would take room from others, and for one that
// starts operations: the operation store recognizes the keys itself and returns the existing
// operation.
func (g *Guard) Bind(info runtime.MethodInfo) server.IdempotencyFunc {
	p := info.Policy
	if p.IdempotencyKey.Field == "" || p.Idempotency == runtime.NoSideEffects || p.Operation.Lease > 0 {
		return nil
	}
	m, err := g.method(info)
	if err != nil {
		return func(context.Context, proto.Message, func(context.Context) (proto.Message, error)) (proto.Message, error) {
			return nil, errInternal("%s: %w", info.FullMethod[1:], err)
		}
	}
	return m.answer
}

// answer responds to a call by running it, or with the stored response.
func (m *method) answer(ctx context.Context, req proto.Message, run func(context.Context) (proto.Message, error)) (proto.Message, error) {
	id, err := m.id.read(req)
	if err != nil {
		return nil, err
	}
	if id == "" || m.dryRun != nil && req.ProtoReflect().Get(m.dryRun).Bool() {
		return run(ctx)
	}
	a, err := m.attempt(ctx, req, id)
	if err != nil {
		return nil, err
	}
	entry, err := a.begin(ctx)
	switch {
	case err != nil:
		return nil, err
	case entry.Fence == a.claim.Fence:
		return a.run(ctx, run)
	default:
		return m.replay(ctx, entry.Response)
	}
}

// attempt returns the attempt to run a call with a key.
func (m *method) attempt(ctx context.Context, req proto.Message, id string) (*attempt, error) {
	sum, err := m.id.rest.Of(ctx, req)
	if err != nil {
		return nil, err
	}
	a := &attempt{method: m, claim: Claim{Key: Key{Method: m.name, IdempotencyKey: id}, Digest: sum}}
	if call, ok := runtime.CallFromContext(ctx); ok && call.Principal() != nil {
		a.claim.Key.Principal = call.Principal().ID
	}
	rand.Read(a.claim.Fence[:]) // never fails: see crypto/rand
	return a, nil
}

// replay responds with a stored response.
func (m *method) replay(ctx context.Context, response []byte) (proto.Message, error) {
	resp := m.response.New().Interface()
	if err := proto.Unmarshal(response, resp); err != nil {
		return nil, errInternal("%s: the stored response is not a %s: %w", m.name[1:], m.response.Descriptor().FullName(), err)
	}
	// SetHeader fails only without a transport, as in tests.
	_ = grpc.SetHeader(ctx, metadata.Pairs(ReplayedHeader, "true"))
	return resp, nil
}

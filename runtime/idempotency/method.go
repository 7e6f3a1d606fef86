package idempotency

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// ReplayedHeader is the metadata key of replayed responses; its value is "true".
const ReplayedHeader = "grpcservice-replayed"

// method is an RPC whose calls are guarded, with everything that they need resolved once.
type method struct {
	*Guard
	name     string // full
	id       idField
	dryRun   protoreflect.FieldDescriptor // validate_only; nil where the request has none
	window   time.Duration
	attempts bool // whether the policy has clients make more than one attempt for a call
	response protoreflect.MessageType
	reused   error
}

// method resolves what the calls of an RPC need.
func (g *Guard) method(info runtime.MethodInfo) (*method, error) {
	if info.Descriptor == nil {
		return nil, errors.New("its proto is not linked into the program")
	}
	request := info.Descriptor.Input()
	id, err := idFieldOf(request, info.Policy.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	m := &method{
		Guard: g, name: info.FullMethod, id: id, window: info.Policy.IdempotencyKey.Window,
		attempts: max(info.Policy.Hedging.MaxAttempts, info.Policy.Retry.MaxAttempts) > 1,
		response: responseType(info.Descriptor.Output()), reused: errReused(id.name),
	}
	if m.window <= 0 {
		m.window = policy.DefaultIdempotencyWindow
	}
	if fd := request.Fields().ByName("validate_only"); fd != nil && fd.Kind() == protoreflect.BoolKind && !fd.IsList() {
		m.dryRun = fd
	}
	return m, nil
}

// responseType returns the Go type of a message, or a dynamic one.
func responseType(desc protoreflect.MessageDescriptor) protoreflect.MessageType {
	if known, err := protoregistry.GlobalTypes.FindMessageByName(desc.FullName()); err == nil {
		return known
	}
	return dynamicpb.NewMessageType(desc)
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
	ctx, cancel := m.withDeadline(ctx)
	defer cancel()
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

// withDeadline gives a call without a deadline one, so that its lease does not expire before.
func (m *method) withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, m.lease)
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

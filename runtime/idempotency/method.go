package idempotency

import (
	"errors"
	"time"

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
	counts   *counts
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
		Guard: g, counts: g.countsOf(info), name: info.FullMethod, id: id, window: info.Policy.IdempotencyKey.Window,
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

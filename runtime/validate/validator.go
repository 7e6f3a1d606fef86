package validate

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/fieldrules"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Validator checks messages by the rules of buf.validate. Its methods may be called concurrently.
// All servers of a process can share one, and then share the compiled rules.
type Validator struct {
	anyCost bool
	checks  sync.Map // protoreflect.MessageDescriptor to fieldrules.Check, which may be nil

	mu    sync.Mutex // while rules are compiled
	rules *compiler  // nil until a message is bound
}

var _ server.Validator = (*Validator)(nil)

// Option is an option of [New].
type Option func(*Validator)

// WithAnyCost admits rules whose cost is the product of the sizes of lists that nothing limits.
// Without it, such a rule is an error of [Validator.Bind]: a caller could send a small request that
// takes hours, and no deadline ends an expression.
func WithAnyCost() Option { return func(v *Validator) { v.anyCost = true } }

// New returns a validator for [server.WithValidator].
//
// Predefined rules, which are extensions of buf.validate, are found if the Go packages of their
// protos are linked into the program.
func New(opts ...Option) *Validator {
	v := &Validator{}
	for _, opt := range opts {
		opt(v)
	}
	return v
}

// Bind implements [server.Validator]. It compiles the rules of the request's message, and of the
// messages in it, and returns nil if there are none. Its error names the message, the field and the
// rule of everything that does not compile.
func (v *Validator) Bind(
	_ runtime.MethodInfo, request protoreflect.MessageDescriptor,
) (server.ValidateFunc, error) {
	check, err := v.checkOf(request)
	if err != nil || check == nil {
		return nil, err
	}
	return func(ctx context.Context, req proto.Message) error {
		if got := req.ProtoReflect().Descriptor(); got != request {
			return rpcerr.Internal(fmt.Sprintf(
				"validate: the request is a %s that is not the registered %s", got.FullName(), request.FullName()))
		}
		return check(ctx, req)
	}, nil
}

// Check checks a message that is not a request, such as a resource after an update with a mask was
// applied to it. It returns INVALID_ARGUMENT, reason INVALID_REQUEST, with the violations; or
// INTERNAL if a rule does not compile or cannot be evaluated.
//
// The rules of a message that is in no registered request are compiled by its first Check.
func (v *Validator) Check(ctx context.Context, m proto.Message) error {
	check, err := v.checkOf(m.ProtoReflect().Descriptor())
	if err != nil {
		return rpcerr.Internal("validate: " + err.Error())
	}
	if check == nil {
		return nil
	}
	return check(ctx, m)
}

// checkOf returns the check of a message; nil if neither it nor a message in it has rules.
func (v *Validator) checkOf(desc protoreflect.MessageDescriptor) (fieldrules.Check, error) {
	if check, ok := v.checks.Load(desc); ok {
		return check.(fieldrules.Check), nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.rules == nil {
		v.rules = newCompiler(v.anyCost)
	}
	check, err := fieldrules.ChecksOf(desc, v.rules)
	if err != nil {
		return nil, err
	}
	v.checks.Store(desc, check)
	return check, nil
}

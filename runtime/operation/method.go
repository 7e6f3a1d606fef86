package operation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/digest"
)

// Method is an RPC that starts operations, of a service of Go type S: its request is a *Req, and
// it returns an *Op, a google.longrunning.Operation or a similar message. An operation ends with
// a *Result and has a *Metadata meanwhile.
type Method[S, Req, Op, Result, Metadata any] struct {
	info   runtime.MethodInfo
	call   func(S, context.Context, *Req) (*Op, error)
	fields Fields
	types  func() (*methodTypes, error)
}

// methodTypes holds the resolved messages of a Method.
type methodTypes struct {
	idempotencyKey, validateOnly, conflictKey, children fieldPath // of the request
	failed                                              fieldPath // of the metadata
	op                                                  *shape
	digester                                            *digest.Digester // of the request without its idempotency key
}

// Of returns the helper of the RPC that info describes; call is the interface's method
// expression. Generated code has one for each such RPC. If the messages lack a field, the first
// use returns INTERNAL, and the log names the field.
func Of[Result, Metadata, S, Req, Op any](
	info runtime.MethodInfo, call func(S, context.Context, *Req) (*Op, error), fields Fields,
) *Method[S, Req, Op, Result, Metadata] {
	m := &Method[S, Req, Op, Result, Metadata]{info: info, call: call, fields: fields}
	m.types = sync.OnceValues(m.resolve)
	return m
}

// resolve finds the fields of the messages.
func (m *Method[S, Req, Op, Result, Metadata]) resolve() (*methodTypes, error) {
	var t methodTypes
	var errs [7]error
	t.idempotencyKey, errs[0] = optionalPath[Req](m.fields.IdempotencyKey, isText)
	t.digester = digest.Without(t.idempotencyKey)
	t.validateOnly, errs[1] = optionalPath[Req](m.fields.ValidateOnly, isBool)
	t.conflictKey, errs[2] = optionalPath[Req](m.fields.ConflictKey, isScalar)
	t.children, errs[3] = optionalPath[Req](m.fields.Children, protoreflect.FieldDescriptor.IsList)
	t.failed, errs[4] = optionalPath[Metadata](cmp.Or(m.fields.FailedRequests, "failed_requests"), isFailures)
	if m.fields.FailedRequests == "" {
		errs[4] = nil // no more than customary
	}
	t.op, errs[5] = shapeIn[Op](m.fields)
	_, errs[6] = reflectionOf(new(Result))
	return &t, errors.Join(errs[:]...)
}

// optionalPath is pathIn for a path that may be empty.
func optionalPath[M any](text string, fits func(protoreflect.FieldDescriptor) bool) (fieldPath, error) {
	if text == "" {
		return nil, nil
	}
	path, err := pathIn[M](text, fits)
	if err != nil {
		return nil, fmt.Errorf("field %q: %w", text, err)
	}
	return path, nil
}

// Handle sets the work for the operations of the RPC. The workers of mgr run it, also for
// operations that other processes have started. Call it once, before the manager runs or the
// server serves.
//
// The context of work has the values of the call that started the operation if that was recently
// in this process, and always its principal, request ID and trace ([runtime.OriginOf]). Its only
// deadline is the policy's timeout. The context ends when work should; its cause is then
// [ErrCancelled], [ErrStopping] or [ErrLeaseLost].
//
// The result of work ends the operation. Callers see an error as they would see a method's error.
// It is final, unless it is [TryAgain] or the context had ended. A panic or the end of the
// process starts another attempt, up to the policy's maximum. So work may run twice from its last
// checkpoint, and must be safe to repeat.
func (m *Method[S, Req, Op, Result, Metadata]) Handle(
	mgr *Manager, work func(ctx context.Context, run *Run[Req, Metadata]) (*Result, error),
) {
	mgr.handle(m.info.FullMethod, func(ctx context.Context, a *attempt) ending {
		types, err := m.types()
		if err != nil {
			return ending{err: misuse(m.info, err)}
		}
		run, err := newRun[Req, Metadata](a, m.info, types.failed)
		if err != nil {
			return ending{err: misuse(m.info, err)}
		}
		result, err := work(ctx, run)
		if err == nil && result == nil {
			err = misuse(m.info, errors.New("the work returned neither a result nor an error; return one of them"))
		}
		return run.end(result, err)
	})
}

// Call starts an operation by calling the RPC of svc, and returns its handle. The handle uses
// client to follow the operation: see [NewClient] and [Getter.Client]. Call returns an error if
// the operation could not be started; [Handle.Wait] returns how it ended.
func (m *Method[S, Req, Op, Result, Metadata]) Call(ctx context.Context, svc S, client Client, req *Req) (*Handle[Result, Metadata], error) {
	types, err := m.types()
	if err != nil {
		return nil, misuse(m.info, err)
	}
	resp, err := m.call(svc, ctx, req)
	if err != nil {
		return nil, err
	}
	op, err := readAs(m.info, types.op, resp)
	if err != nil {
		return nil, err
	}
	if op.GetName() == "" && !op.GetDone() {
		return nil, misuse(m.info, errors.New("the server returned an operation that is not done and has no name"))
	}
	return newHandle[Result, Metadata](client, op), nil
}

// Named returns the handle of an operation of this RPC by its name, for example in another
// process.
func (m *Method[S, Req, Op, Result, Metadata]) Named(client Client, name string) *Handle[Result, Metadata] {
	return &Handle[Result, Metadata]{client: client, name: name}
}

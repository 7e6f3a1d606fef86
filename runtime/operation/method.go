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

// Fields are paths of the fields that a method's helper reads and writes, by the names of the proto: "parent", "page.token".
type Fields struct {
	// IdempotencyKey, ValidateOnly and ConflictKey are fields of the request; empty where it has none. ConflictKey is a scalar: no two
	// operations of the RPC run at the same time whose requests have the same value there, but for the empty one.
	IdempotencyKey, ValidateOnly, ConflictKey string
	// Children is the request's list of what a batch works on.
	Children string
	// Single is the name of the method of the same service that does for one child what the operation
	// does for many. What its policy requires of a caller and of a request holds for [Method.Start] of
	// the batch too. May be empty.
	Single string
	// FailedRequests is the metadata's map of children that failed (AIP-233); empty for failed_requests, where there is one.
	FailedRequests string
	// Name, Done, Error, Response and Metadata are fields of the operation message; empty for those that
	// google.longrunning.Operation has, and their customary other names.
	Name, Done, Error, Response, Metadata string
}

// Method is an RPC that starts operations, of a service of Go type S: its request is a *Req, and it returns an *Op, a
// google.longrunning.Operation or a message like it. An operation ends with a *Result and shows a *Metadata meanwhile.
type Method[S, Req, Op, Result, Metadata any] struct {
	info   runtime.MethodInfo
	call   func(S, context.Context, *Req) (*Op, error)
	fields Fields
	types  func() (*methodTypes, error)
}

// methodTypes is what is known of the messages of a Method.
type methodTypes struct {
	idempotencyKey, validateOnly, conflictKey, children fieldPath // of the request
	failed                                              fieldPath // of the metadata
	op                                                  *shape
	digester                                            *digest.Digester // of the request without its idempotency key
}

// Of returns the helper of the RPC that info describes; call is the interface's method expression. Generated code has one for each
// such RPC. A field that the messages do not have is INTERNAL at the first use, and the log says which.
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

// optionalPath is pathIn where there may be no path.
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

func isScalar(f protoreflect.FieldDescriptor) bool {
	return f.Message() == nil && !f.IsList()
}

// isFailures says whether a field is a map<int32, google.rpc.Status>.
func isFailures(f protoreflect.FieldDescriptor) bool {
	if !f.IsMap() || f.MapKey().Kind() != protoreflect.Int32Kind {
		return false
	}
	failure := f.MapValue().Message()
	return failure != nil && failure.FullName() == statusName
}

// Handle has work done for the operations of the RPC by the workers of mgr, also for those that other processes have started.
// It is called once, before the manager runs or the server serves.
//
// The context of work has the values of the call that started the operation, where that was in this process and not long
// before, and its principal, request ID and trace in any case ([runtime.OriginOf]); it has no deadline but that of the policy's
// timeout. It ends when work should: its cause is then [ErrCancelled], [ErrStopping] or [ErrLeaseLost].
//
// What work returns is how the operation ends. An error is told to callers as a method's error would be, and is final, unless
// it is one of [TryAgain] or the context had ended. A panic, and the end of the process, begin another attempt, until there
// have been as many as the policy says. So work may be done twice from its last checkpoint on, and should bear it.
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

package batch

import (
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// plan holds the fields of a method.
type plan[Resp any, C comparable, R any] struct {
	children       path
	name           string    // of the items' field, dotted
	child          values[C] // converts items
	requests       bool      // items are messages
	hoisted        []hoisted
	idempotencyKey path // nil without one
	shape          shape[Resp, C, R]
}

func newPlan[Req, Resp any, C comparable, R any](
	fields Fields, bind func(resp protoreflect.MessageDescriptor) (shape[Resp, C, R], error),
) (*plan[Resp, C, R], error) {
	req, err := descriptorOf[Req]()
	if err != nil {
		return nil, err
	}
	resp, err := descriptorOf[Resp]()
	if err != nil {
		return nil, err
	}
	p := &plan[Resp, C, R]{name: fields.Children}
	if p.children, err = findList(req, fields.Children); err != nil {
		return nil, err
	}
	p.requests = p.children.last().Message() != nil
	if p.child, err = valuesOf[C](p.children.last()); err != nil {
		return nil, err
	}
	if p.hoisted, err = findHoisted(req, p.children.last(), fields.Hoisted); err != nil {
		return nil, err
	}
	if p.idempotencyKey, err = findIdempotencyKey(req, fields.IdempotencyKey); err != nil {
		return nil, err
	}
	p.shape, err = bind(resp)
	return p, err
}

// findIdempotencyKey finds a string field.
func findIdempotencyKey(req protoreflect.MessageDescriptor, name string) (path, error) {
	p, err := findPath(req, name)
	if err == nil && p != nil && !isString(p.last()) {
		return nil, fmt.Errorf("%q of %s is not a string", name, req.FullName())
	}
	return p, err
}

// at returns the path of an item: "requests[3]".
func (p *plan[Resp, C, R]) at(i int) string { return fmt.Sprintf("%s[%d]", p.name, i) }

// misuse returns the error for a programming mistake: INTERNAL for the caller, the text for the
// log.
func misuse(format string, args ...any) error {
	return rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").WithCause(fmt.Errorf(format, args...))
}

// Mistakes of functions that a batch calls.
var (
	errNoResult = misuse("the item function returned neither a result nor an error; return one of them")
	errLeft     = misuse("the item function ended its goroutine, as a test's FailNow does; return an error instead")
	errNoTx     = misuse("the function of WithTx returned without an error and did not call its argument")
)

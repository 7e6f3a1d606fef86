package batch

import (
	"fmt"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

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

// itemError returns the error of the batch if item i failed with err.
func (p *plan[Resp, C, R]) itemError(i int, err error) error {
	at := p.at(i)
	st := rpcerr.PublicStatus(err).Proto()
	st.Message = at + ": " + st.Message
	rewrite(st, func(info *errdetails.ErrorInfo) {
		setIndex(info, i)
	}, func(field string) string {
		if !p.requests || field == "" { // an ID has no fields
			return at
		}
		return at + "." + field
	})
	if !hasInfo(st) {
		info := &errdetails.ErrorInfo{Reason: ReasonChildFailed.Name(), Domain: rpcerr.ErrorDomain}
		setIndex(info, i)
		if detail, err := anypb.New(info); err == nil {
			st.Details = append(st.Details, detail)
		}
	}
	return &itemError{st: status.FromProto(st), at: at, cause: err}
}

// notFound returns the error of a batch with missing results, given the indexes of their items in
// the request.
func (p *plan[Resp, C, R]) notFound(missing []int, first C) error {
	err := ReasonNotFound.
		Errorf(codes.NotFound, "%s was not found%s", p.at(missing[0]), andMore(len(missing)-1)).
		WithMetadata(indexKey, strconv.Itoa(missing[0]))
	if !p.requests {
		err = err.WithResource("", fmt.Sprint(first), "")
	}
	violations := make([]rpcerr.FieldViolation, len(missing))
	for i, at := range missing {
		violations[i] = rpcerr.Violation(p.at(at), "was not found")
	}
	return err.WithViolations(violations...)
}

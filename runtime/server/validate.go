package server

import (
	"context"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/fieldrules"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Validator checks requests before methods see them, beside what the runtime checks itself. Bind is called once for each
// method whose request has rules, when it is registered; it may return nil where it knows of none.
type Validator interface {
	Bind(info runtime.MethodInfo, request protoreflect.MessageDescriptor) ValidateFunc
}

// ValidateFunc returns what is wrong with a request; for a stream it is called for each. An error with a status is what the
// caller gets, and any other becomes INVALID_ARGUMENT with a fixed text.
type ValidateFunc func(ctx context.Context, req proto.Message) error

// WithValidator has validator check the requests of methods that have rules.
func WithValidator(validator Validator) Option {
	return func(c *settings) {
		if isNil(validator) {
			c.fail("WithValidator(nil): pass a validator, or leave the option out")
			return
		}
		c.validator = validator
	}
}

// checkFunc returns what is wrong with a request.
type checkFunc = func(ctx context.Context, req proto.Message) error

// checks are the checks of a method's requests; nil where there is nothing to check.
type checks struct {
	first checkFunc // of the first message of a stream, or of the only request
	later checkFunc // of the other messages of a stream

	size, fields, validator checkFunc // what first makes
}

// checksOf returns the checks of a method's requests.
func (p *pipeline) checksOf(info runtime.MethodInfo) (c checks) {
	if most := info.Policy.MaxRequestBytes; most > 0 {
		c.size = sizeCheck(most)
	}
	var later checkFunc
	if info.Policy.Validate && info.Descriptor != nil {
		request := info.Descriptor.Input()
		if !p.without.checks {
			c.fields, later = fieldrules.Checks(request)
		}
		if p.validator != nil {
			if validate := p.validator.Bind(info, request); validate != nil {
				c.validator = validationCheck(validate)
			}
		}
	}
	c.first, c.later = allOf(c.size, c.fields, c.validator), allOf(c.size, later, c.validator)
	return c
}

// allOf returns the check that makes all checks that are not nil, in their order; nil if there is none.
func allOf(all ...checkFunc) checkFunc {
	some := slices.DeleteFunc(all, func(check checkFunc) bool { return check == nil })
	switch len(some) {
	case 0:
		return nil
	case 1:
		return some[0]
	}
	return func(ctx context.Context, req proto.Message) error {
		for _, check := range some {
			if err := check(ctx, req); err != nil {
				return err
			}
		}
		return nil
	}
}

// accept counts a request, and returns what is wrong with it.
func (m *method) accept(ctx context.Context, c *callContext, req any) error {
	check := m.checks.first
	if c.call.received.Add(1) > 1 {
		check = m.checks.later
	}
	if check == nil {
		return nil
	}
	msg, ok := req.(proto.Message)
	if !ok { // a codec of the user's own, with messages that have no rules we could know
		return nil
	}
	return check(ctx, msg)
}

// sizeCheck refuses requests above a size.
func sizeCheck(most int64) checkFunc {
	err := rpcerr.ReasonRequestTooLarge.Errorf(codes.ResourceExhausted, "the request is larger than %d bytes", most).Fixed()
	return func(_ context.Context, req proto.Message) error {
		if int64(proto.Size(req)) > most {
			return err
		}
		return nil
	}
}

// validationCheck makes what a validator says what the caller may see.
func validationCheck(validate ValidateFunc) checkFunc {
	return func(ctx context.Context, req proto.Message) error {
		err := validate(ctx, req)
		if err == nil {
			return nil
		}
		if _, ok := rpcerr.StatusOf(err); ok {
			return err
		}
		return rpcerr.Hide(errInvalidRequest, "validate: "+err.Error())
	}
}

// errInvalidRequest is what the caller is told where the validator's own words are not for them.
var errInvalidRequest = rpcerr.ReasonInvalidRequest.Errorf(codes.InvalidArgument, "the request is not valid").Fixed()

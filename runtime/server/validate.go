package server

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldrules"
	"github.com/grpcservice/grpcservice/runtime/internal/msgsize"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// WithValidator makes validator check the requests of methods that have rules.
func WithValidator(validator Validator) Option {
	return func(c *settings) {
		if isNil(validator) {
			c.fail("WithValidator(nil): pass a validator, or leave the option out")
			return
		}
		c.validator = validator
	}
}

// bindChecks collects the checks of a method: those of first messages, and those of later ones.
func (m *method) bindChecks() {
	for _, c := range m.bound.checks {
		if c.first != nil {
			m.first = append(m.first, namedCheck{c.step, c.first})
		}
		if c.later != nil {
			m.later = append(m.later, namedCheck{c.step, c.later})
		}
	}
}

// accept counts a request and checks it.
func (m *method) accept(ctx context.Context, c *callContext, req any) error {
	checks := m.first
	if c.call.received.Add(1) > 1 {
		checks = m.later
	}
	if len(checks) == 0 {
		return nil
	}
	msg, ok := req.(proto.Message)
	switch {
	case ok:
	case m.guard != nil: // its resources cannot be read
		return rpcerr.Internal(fmt.Sprintf("permission: the request is a %T, not a proto message", req))
	default: // the user's own codec, whose messages have no rules
		return nil
	}
	return c.check(ctx, msg, checks)
}

// check checks a request. A check that panics has rejected the request too.
func (c *callContext) check(ctx context.Context, msg proto.Message, checks []namedCheck) error {
	passed := 0
	defer func() {
		if passed < len(checks) {
			c.step.Store(&checks[passed].step)
		}
	}()
	for ; passed < len(checks); passed++ {
		if err := checks[passed].run(ctx, msg); err != nil {
			return err
		}
	}
	return nil
}

// validates returns the descriptor of a method's requests if their rules are checked, or nil.
func (m *method) validates() protoreflect.MessageDescriptor {
	if !m.info.Policy.Validate || m.info.Descriptor == nil {
		return nil
	}
	return m.info.Descriptor.Input()
}

// fieldCheck returns the step that checks required fields and formats.
func (m *method) fieldCheck() (c check) {
	if request := m.validates(); request != nil && !m.without.checks {
		c.first, c.later = fieldrules.Checks(request)
	}
	return c
}

// validatorCheck returns the step of [WithValidator].
func (m *method) validatorCheck() (c check) {
	request := m.validates()
	if request == nil || m.validator == nil {
		return c
	}
	validate, err := m.validator.Bind(m.info, request)
	if err != nil {
		m.failToBind(fmt.Errorf("the validator of %s: %w", m.log.name, err))
	} else if validate != nil {
		c.first = validationCheck(validate)
		c.later = c.first
	}
	return c
}

// sizeCheck returns the step that rejects requests above the policy's maximum size.
func (m *method) sizeCheck() check {
	most := m.info.Policy.MaxRequestBytes
	if most <= 0 {
		return check{}
	}
	err := rpcerr.ReasonRequestTooLarge.
		Errorf(codes.ResourceExhausted, "the request is larger than %d bytes", most).Fixed()
	size := func(_ context.Context, req proto.Message) error {
		if int64(proto.Size(req)) > most {
			return err
		}
		return nil
	}
	return check{first: size, later: size, items: true}
}

// validationCheck returns validate with errors that the caller may see.
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

// errInvalidRequest is the error of a request that a validator rejects without a status.
var errInvalidRequest = rpcerr.ReasonInvalidRequest.
	Errorf(codes.InvalidArgument, "the request is not valid").Fixed()

// receiveError adds the reason to grpc's error for a request that is too large, for observers: grpc
// has sent its status to the caller already. It returns other errors as they are, such as the
// RESOURCE_EXHAUSTED of an interceptor that enforces rates.
func receiveError(err error) error {
	if !msgsize.Exceeded(err) {
		return err
	}
	return rpcerr.ReasonRequestTooLarge.
		Errorf(codes.ResourceExhausted, "%s", status.Convert(err).Message()).Fixed()
}

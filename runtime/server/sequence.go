package server

import (
	"context"

	"google.golang.org/grpc"
)

// step is one step of the sequence that every call goes through. Its functions bind it to a method
// when the method is registered, and return nil if it does not concern the method. A step without
// functions is part of [method.unaryCall] and [method.streamCall].
type step struct {
	// name is the name of the step in docs/pipeline.md.
	name string
	// gate rejects calls before their requests are decoded.
	gate func(*method) gate
	// check rejects requests after they are decoded: each message of a stream.
	check func(*method) check
	// unary runs around the steps that follow, with the decoded request.
	unary func(*method) unaryAround
	// stream runs around the steps that follow, when the stream starts.
	stream func(*method) streamAround
}

// sequence returns the steps of a call in their order; docs/pipeline.md explains it. To add a step,
// write the function that binds it in a separate file, and add a row here.
func sequence() []step {
	return []step{
		{name: "observe"},
		{name: "admit", gate: (*method).admissionGate},
		{name: "peer rates", gate: (*method).peerRateGate},
		{name: "authenticate", gate: (*method).authenticateGate},
		{name: "authorize", gate: (*method).authorizeGate},
		{name: "rates", gate: (*method).rateGate},
		{name: "concurrency", gate: (*method).concurrencyGate},
		{name: "deadline"},
		{name: "decode"},
		{name: "size", check: (*method).sizeCheck},
		{name: "permission", check: (*method).permissionCheck},
		{name: "fields", check: (*method).fieldCheck},
		{name: "validator", check: (*method).validatorCheck},
		{name: "idempotency", unary: (*method).idempotencyAround},
		{name: "interceptors", unary: (*method).unaryInterceptors, stream: (*method).streamInterceptors},
		{name: "method"},
		{name: "finish"},
	}
}

// bindSequence binds the steps to m.
func (m *method) bindSequence() (b bound) {
	for _, s := range sequence() {
		if s.gate != nil {
			if bound := s.gate(m); bound != nil {
				b.gates = append(b.gates, namedGate{s.name, bound})
			}
		}
		if s.check != nil {
			bound := s.check(m)
			bound.step = s.name
			b.checks = append(b.checks, bound)
		}
		if s.unary != nil {
			if bound := s.unary(m); bound != nil {
				b.unaryArounds = append(b.unaryArounds, bound.named(s.name))
			}
		}
		if s.stream != nil {
			if bound := s.stream(m); bound != nil {
				b.streamArounds = append(b.streamArounds, bound.named(s.name))
			}
		}
	}
	return b
}

// unaryRun decodes the request of a unary call between [method.expect] and [method.receive], and
// calls the handler of [method.unaryHandler]. arg is what unaryCall received.
type unaryRun func(ctx context.Context, c *callContext, arg any, decode func(any) error) (any, error)

// unaryCall runs a unary call through the sequence. within reports whether an interceptor of the
// server is around the call.
func (m *method) unaryCall(
	ctx context.Context, within bool, run unaryRun, arg any, decode func(any) error,
) (resp any, err error) {
	c := m.begin(ctx, within)
	defer m.finish(c, &err)
	err = errGoexit
	m.observe(c)
	if ctx, err = m.enterUnary(c); err != nil {
		return nil, err
	}
	err = errGoexit
	return c.prepared(run(ctx, c, arg, decode))
}

// streamCall runs a stream through the sequence.
func (m *method) streamCall(srv any, ss grpc.ServerStream, handler grpc.StreamHandler) (err error) {
	c := m.begin(ss.Context(), true)
	defer m.finish(c, &err)
	err = errGoexit
	m.observe(c)
	stream := &serverStream{ServerStream: ss, call: c}
	stream.ctx = c.cancellable(&stream.live)
	if err := m.enter(stream.ctx, c); err != nil {
		return err
	}
	c.stream = stream
	if c.call.policy.apart {
		return m.runApart(stream, func() error { return handler(srv, stream) })
	}
	return c.completed(handler(srv, stream))
}

// enterUnary passes a unary call through the gates, and returns the context of its method. The
// deadline is set before the gates only if one of them may block: a rejection costs less without a
// timer.
func (m *method) enterUnary(c *callContext) (context.Context, error) {
	if c.call.policy.blocks {
		ctx := c.withDeadline(c.call.policy.deadlines)
		return ctx, m.enter(ctx, c)
	}
	if err := m.enter(c, c); err != nil {
		return nil, err
	}
	return c.withDeadline(c.call.policy.deadlines), nil
}

// enter passes a call through the gates. One that panics has rejected the call too.
func (m *method) enter(ctx context.Context, c *callContext) error {
	passed := 0
	defer func() {
		if passed < len(m.gates) {
			c.step.Store(&m.gates[passed].step)
		}
	}()
	for ; passed < len(m.gates); passed++ {
		if err := m.gates[passed].pass(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// expect is called before the request of a unary call is decoded. The step stays if that fails or
// panics.
func (m *method) expect(ctx context.Context, c *callContext) {
	c.arrival.ReadUntil(ctx)
	c.step.Store(&decodeStep)
}

// receive checks the request of a unary call, unless it could not be decoded because of err.
func (m *method) receive(ctx context.Context, c *callContext, req any, err error) error {
	if err != nil {
		return receiveError(err)
	}
	c.step.Store(nil)
	return m.accept(ctx, c, req)
}

// unaryHandler returns handler with the steps that run around it.
func (m *method) unaryHandler(handler grpc.UnaryHandler) grpc.UnaryHandler {
	handler = m.noted(handler)
	for i := len(m.unaryArounds) - 1; i >= 0; i-- {
		handler = m.unaryArounds[i](handler)
	}
	return handler
}

// streamHandler returns handler with the steps that run around it.
func (m *method) streamHandler(handler grpc.StreamHandler) grpc.StreamHandler {
	for i := len(m.streamArounds) - 1; i >= 0; i-- {
		handler = m.streamArounds[i](handler)
	}
	return handler
}

// guardUnknown returns an interceptor that calls the handler of [grpc.UnknownServiceHandler] in the
// pipeline. With an authenticator it rejects the call instead, because the handler has no policy.
func (p *pipeline) guardUnknown() grpc.StreamServerInterceptor {
	m := p.unknownMethod()
	return func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if srv != nil { // grpc passes on calls of unknown methods without an implementation
			return handler(srv, ss)
		}
		if p.authenticator != nil && !p.admitAll {
			handler = rejectUnknown
		}
		return m.streamCall(srv, ss, handler)
	}
}

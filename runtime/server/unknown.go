package server

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// UnknownMethod is the FullMethod that observers, authenticators and the log see for calls of
// methods that the server does not have, whatever path the client sent.
const UnknownMethod = "/unknown/unknown"

// errUnknownMethod is what such calls get. It does not tell a service that the server has from one that
// it has not.
var errUnknownMethod = rpcerr.ReasonUnimplemented.Errorf(codes.Unimplemented, "the server has no such method").Fixed()

// unknownMethod returns the method that all unknown methods are. Whoever may not call a method must not
// learn either which there are, so it needs an authenticated caller where others may.
func (p *pipeline) unknownMethod() *method {
	p.unknownOnce.Do(func() {
		var policy runtime.Policy
		if p.authenticator != nil {
			policy.Auth = new(runtime.Auth)
		}
		p.unknown = p.bind(runtime.NewMethodInfo("unknown", "unknown", runtime.KindBidi, policy), nil)
	})
	return p.unknown
}

// rejectUnknown is the handler of calls of unknown methods, unless the user has another one.
func rejectUnknown(any, grpc.ServerStream) error { return errUnknownMethod }

// guardUnknown returns an interceptor that has the handler of [grpc.UnknownServiceHandler] called in the
// pipeline. Where there is an authenticator it is not called, because it has no policy.
func (p *pipeline) guardUnknown() grpc.StreamServerInterceptor {
	m := p.unknownMethod()
	return func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if srv != nil { // grpc passes on calls of unknown methods without an implementation
			return handler(srv, ss)
		}
		if p.authenticator != nil && !p.open {
			handler = rejectUnknown
		}
		return m.streamCall(srv, ss, handler)
	}
}

// maxPath is how much of a path of a client's choosing is logged, in bytes.
const maxPath = 128

// unknownPath returns the path that the client has sent, if the call is of an unknown method.
func (c *callContext) unknownPath() string {
	m := c.call.method
	if m != m.unknown {
		return ""
	}
	path, _ := grpc.Method(c)
	if c.arrival != nil {
		path = c.arrival.Method
	}
	return strings.ToValidUTF8(path[:min(len(path), maxPath)], "\uFFFD")
}

// noteStream notes that a stream has come as far as the interceptors.
func noteStream(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	bounds.ArrivalIn(ss.Context()).Handle()
	return handler(srv, ss)
}

// errUnhandled is the error in the log of a call that grpc has answered by itself.
var errUnhandled = rpcerr.Hide(
	rpcerr.ReasonUnimplemented.Errorf(codes.Unimplemented, "the encoding of the request is not supported, or its path is malformed").Fixed(),
	"grpc rejected the call before the pipeline: the encoding of the request is not supported, its path is malformed, or a grpc.StreamInterceptor rejected it",
)

// noteUnhandled observes and logs a call that grpc has answered by itself. Its caller has the answer.
func (p *pipeline) noteUnhandled(a *bounds.Arrival) {
	m := p.methodAt(a.Method)
	var err error = errUnhandled
	if errors.Is(context.Cause(a), context.DeadlineExceeded) {
		err = context.DeadlineExceeded
	}
	c := m.begin(a)
	c.call.start = a.At
	defer m.finish(c, &err)
	m.observe(c)
}

// methodAt returns the method with a path, or the unknown one.
func (p *pipeline) methodAt(path string) *method {
	unknown := p.unknownMethod()
	p.mu.Lock()
	defer p.mu.Unlock()
	if m, ok := p.byName[path]; ok {
		return m
	}
	return unknown
}

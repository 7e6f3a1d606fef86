package runtime

import (
	"context"
	"io"

	"google.golang.org/grpc"
)

// serveServerStream binds an RPC that answers with a stream to its pipeline.
func serveServerStream[S, Req, Resp any](m *method, impl S, call func(S, context.Context, *Req) Stream[Resp]) grpc.StreamHandler {
	return m.serveStream(func(_ any, ss grpc.ServerStream) error {
		req := new(Req)
		if err := ss.RecvMsg(req); err != nil {
			return err
		}
		return sendAll(ss, call(impl, ss.Context(), req))
	})
}

// serveClientStream binds an RPC that takes a stream of requests to its pipeline.
func serveClientStream[S, Req, Resp any](m *method, impl S, call func(S, context.Context, Stream[Req]) (*Resp, error)) grpc.StreamHandler {
	return m.serveStream(func(_ any, ss grpc.ServerStream) error {
		resp, err := call(impl, ss.Context(), receive[Req](ss))
		if err != nil {
			return err
		}
		if resp == nil {
			return errNoResponse
		}
		return ss.SendMsg(resp)
	})
}

// serveBidi binds an RPC with a stream both ways to its pipeline.
func serveBidi[S, Req, Resp any](m *method, impl S, call func(S, context.Context, Stream[Req]) Stream[Resp]) grpc.StreamHandler {
	return m.serveStream(func(_ any, ss grpc.ServerStream) error {
		return sendAll(ss, call(impl, ss.Context(), receive[Req](ss)))
	})
}

// serveStream puts the pipeline around body, which finds the call's context in its stream.
func (m *method) serveStream(body grpc.StreamHandler) grpc.StreamHandler {
	handler := m.interceptStream(body)
	return func(srv any, ss grpc.ServerStream) (err error) {
		c := m.begin(ss.Context())
		defer m.finish(c, &err)
		c.followDrain(m.drain)
		return handler(srv, &serverStream{ServerStream: ss, ctx: c})
	}
}

// interceptStream puts the interceptors of [WithStreamInterceptors] around handler, once for all calls.
func (m *method) interceptStream(handler grpc.StreamHandler) grpc.StreamHandler {
	if m.stream == nil {
		return handler
	}
	return func(srv any, ss grpc.ServerStream) error {
		info := m.streamInfo // a copy: interceptors may change it
		return m.stream(srv, ss, &info, handler)
	}
}

// serverStream is grpc's stream with the context of the call.
type serverStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *serverStream) Context() context.Context { return s.ctx }

// sendAll sends what responses yields until it ends or fails.
func sendAll[Resp any](ss grpc.ServerStream, responses Stream[Resp]) error {
	if responses == nil {
		return errNoStream
	}
	for resp, err := range responses {
		if err != nil {
			return err
		}
		if resp == nil {
			return errNoMessage
		}
		if err := ss.SendMsg(resp); err != nil {
			return err
		}
	}
	return nil
}

// receive returns the requests of ss as a stream: each is delivered once, and a second range goes on where the first
// stopped.
func receive[Req any](ss grpc.ServerStream) Stream[Req] {
	var ended error // io.EOF or what ended the stream
	return func(yield func(*Req, error) bool) {
		for ended == nil {
			req := new(Req)
			if ended = ss.RecvMsg(req); ended == nil && !yield(req, nil) {
				return
			}
		}
		if ended != io.EOF {
			yield(nil, ended)
		}
	}
}

// Mistakes of methods that answer with a stream.
var (
	errNoStream  = internalError("the method returned a nil stream; return one that ends at once to answer nothing")
	errNoMessage = internalError("the stream yielded neither a message nor an error; yield one of them")
)

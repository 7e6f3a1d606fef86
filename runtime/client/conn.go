package client

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
)

// Conn is a connection of [Dial]: a *grpc.ClientConn whose calls are observed (see
// [WithObservers]), also those of clients that other generators wrote. It is safe for concurrent
// use.
type Conn struct {
	*grpc.ClientConn
	observers []*observer

	others     sync.Map // of paths to *observedMethod, for clients that other generators wrote
	otherCount atomic.Int64
}

// Invoke implements [grpc.ClientConnInterface].
func (c *Conn) Invoke(
	ctx context.Context, method string, req, resp any, opts ...grpc.CallOption,
) (err error) {
	ctx, call := c.other(method, runtime.KindUnary).begin(ctx)
	if call == nil {
		return c.ClientConn.Invoke(ctx, method, req, resp, opts...)
	}
	err = errAborted
	defer func() { call.finish(err) }()
	if err = c.ClientConn.Invoke(ctx, method, req, resp, opts...); err == nil {
		call.exchanged()
	}
	return err
}

// NewStream implements [grpc.ClientConnInterface]. Observers see the end of the stream when it has
// ended for grpc, in a goroutine of grpc.
func (c *Conn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	ctx, call := c.other(method, kindOf(desc)).begin(ctx)
	if call == nil {
		return c.ClientConn.NewStream(ctx, desc, method, opts...)
	}
	err := errAborted
	defer func() {
		if err != nil { // an interceptor may fail before grpc knows the call
			call.finish(err)
		}
	}()
	opts = append(opts[:len(opts):len(opts)], grpc.OnFinish(func(err error) {
		if err == nil && !desc.ServerStreams { // grpc finishes while it receives the only response
			call.received.Store(1)
		}
		call.finish(err)
	}))
	stream, err := c.ClientConn.NewStream(ctx, desc, method, opts...)
	if err != nil {
		return nil, err
	}
	return &observedStream{stream, call, desc.ServerStreams}, nil
}

func kindOf(desc *grpc.StreamDesc) runtime.Kind {
	switch {
	case desc.ClientStreams && desc.ServerStreams:
		return runtime.KindBidi
	case desc.ClientStreams:
		return runtime.KindClientStream
	case desc.ServerStreams:
		return runtime.KindServerStream
	default:
		return runtime.KindUnary
	}
}

// maxOthers is how many methods of other generators a connection distinguishes. A proxy may pass on
// any path that its callers send.
const maxOthers = 1000

// other returns how the calls of a method are observed that has no [Method]. Methods beyond
// maxOthers are the method unknown/unknown.
func (c *Conn) other(path string, kind runtime.Kind) *observedMethod {
	if len(c.observers) == 0 {
		return nil
	}
	if m, ok := c.others.Load(path); ok {
		return m.(*observedMethod)
	}
	service, name, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !ok || c.otherCount.Add(1) > maxOthers {
		path, service, name = "/unknown/unknown", "unknown", "unknown"
	}
	info := runtime.NewMethodInfo(service, name, kind, runtime.Policy{})
	m, _ := c.others.LoadOrStore(path, bindObservers(c.observers, c.CanonicalTarget(), info))
	return m.(*observedMethod)
}

// observedStream counts the messages of a stream.
type observedStream struct {
	grpc.ClientStream
	call    *observedCall
	several bool // whether the server sends a stream
}

func (s *observedStream) SendMsg(msg any) error {
	err := s.ClientStream.SendMsg(msg)
	if err == nil {
		s.call.sent.Add(1)
	}
	return err
}

func (s *observedStream) RecvMsg(msg any) error {
	err := s.ClientStream.RecvMsg(msg)
	if err == nil && s.several {
		s.call.received.Add(1)
	}
	return err
}

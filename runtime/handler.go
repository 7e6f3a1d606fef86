package runtime

import (
	"context"
	"io"
	"sync"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
	"github.com/grpcservice/grpcservice/runtime/internal/rpc"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// unaryHandler erases the types of a unary method.
func unaryHandler[S, Req, Resp any](impl S, call func(S, context.Context, *Req) (*Resp, error)) rpc.Handler {
	return rpc.Handler{
		NewRequest: func() any { return new(Req) },
		Unary: func(ctx context.Context, req any) (any, error) {
			resp, err := call(impl, ctx, req.(*Req))
			if err == nil && resp == nil {
				err = errNoResponse
			}
			return resp, err
		},
	}
}

// serverStreamHandler erases the types of a method that returns a stream.
func serverStreamHandler[S, Req, Resp any](impl S, call func(S, context.Context, *Req) Stream[Resp]) rpc.Handler {
	return rpc.Handler{Stream: func(_ any, ss grpc.ServerStream) error {
		req := new(Req)
		if err := ss.RecvMsg(req); err != nil {
			return err
		}
		return sendAll(ss, call(impl, ss.Context(), req))
	}}
}

// clientStreamHandler erases the types of a method that takes a stream of requests.
func clientStreamHandler[S, Req, Resp any](impl S, call func(S, context.Context, Stream[Req]) (*Resp, error)) rpc.Handler {
	return rpc.Handler{Stream: func(_ any, ss grpc.ServerStream) error {
		ctx := ss.Context()
		resp, err := call(impl, ctx, receive[Req](ss))
		if c, ok := callctx.Of(ctx); ok {
			err = c.Join(err) // the response waits for the goroutines of the call
		}
		if err != nil {
			return err
		}
		if resp == nil {
			return errNoResponse
		}
		return ss.SendMsg(resp)
	}}
}

// bidiHandler erases the types of a method with a stream both ways.
func bidiHandler[S, Req, Resp any](impl S, call func(S, context.Context, Stream[Req]) Stream[Resp]) rpc.Handler {
	return rpc.Handler{Stream: func(_ any, ss grpc.ServerStream) error {
		return sendAll(ss, call(impl, ss.Context(), receive[Req](ss)))
	}}
}

// sendAll sends what responses yields until it ends or fails.
func sendAll[Resp any](ss grpc.ServerStream, responses Stream[Resp]) (err error) {
	if responses == nil {
		return errNoStream
	}
	stream := takingTurns(ss)
	late := func() { callctx.LateYield(ss.Context()) }
	ignored := each.RangeInTurn(stream.Turns(), responses, late, func(resp *Resp, failure error) bool {
		switch {
		case failure != nil:
			err = failure
			return false
		case resp == nil:
			err = errNoMessage
			return false
		}
		if failure = stream.SendInTurn(resp); failure != nil {
			err = failure
		}
		return failure == nil
	})
	if ignored != nil {
		return rpcerr.Internal(ignored.Error())
	}
	return err
}

// takingTurns returns ss, which sends in turn. An interceptor may have wrapped the stream of the
// server; then the loop over the responses has turns of its own.
func takingTurns(ss grpc.ServerStream) rpc.TurnStream {
	if s, ok := ss.(rpc.TurnStream); ok {
		return s
	}
	return &wrappedStream{ServerStream: ss}
}

// wrappedStream is a stream that an interceptor has wrapped.
type wrappedStream struct {
	grpc.ServerStream
	turns each.Turns
}

func (s *wrappedStream) Turns() *each.Turns { return &s.turns }

func (s *wrappedStream) SendInTurn(resp any) error { return s.SendMsg(resp) }

// receive returns the requests of ss as a stream. Each is delivered once, and a second range
// continues where the first stopped. Goroutines may range concurrently.
func receive[Req any](ss grpc.ServerStream) Stream[Req] {
	r := receiver[Req]{stream: ss}
	return func(yield func(*Req, error) bool) {
		for {
			switch req, err := r.next(); {
			case err == io.EOF:
				return
			case err != nil:
				yield(nil, err)
				return
			case !yield(req, nil):
				return
			}
		}
	}
}

// receiver receives the requests of a stream one at a time, because a grpc.ServerStream does not
// allow concurrent calls of RecvMsg.
type receiver[Req any] struct {
	mu     sync.Mutex
	stream grpc.ServerStream
	ended  error // io.EOF or what ended the stream
}

func (r *receiver[Req]) next() (*Req, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended != nil {
		return nil, r.ended
	}
	req := new(Req)
	r.ended = r.stream.RecvMsg(req)
	return req, r.ended
}

// Mistakes of methods.
var (
	errNoResponse = rpcerr.Internal("the method returned neither a response nor an error; return one of them")
	errNoStream   = rpcerr.Internal("the method returned a nil stream; return one that ends at once to send nothing")
	errNoMessage  = rpcerr.Internal("the stream yielded neither a message nor an error; yield one of them")
)

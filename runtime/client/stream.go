package client

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
	"github.com/grpcservice/grpcservice/runtime/internal/openheader"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// ServerStream calls an RPC with a stream of responses.
//
// The stream is lazy: each range over it starts a call and sends req again. Breaking out of the
// loop cancels the call. The range returns when the call has ended and the targets of call
// options are set. If the call fails, the stream yields its status last.
func ServerStream[Resp, Req any](ctx context.Context, m *Method, req *Req) runtime.Stream[Resp] {
	return func(yield func(*Resp, error) bool) {
		c, err := m.start(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		defer release[Resp](c)
		if err := c.sendOnly(req); err != nil {
			yield(nil, c.end(err))
			return
		}
		if err := eachResponse(c, yield); err != nil && c.end(err) != io.EOF {
			yield(nil, err)
		}
	}
}

// ClientStream calls an RPC with a stream of requests. It ranges over reqs once, in the caller's
// goroutine.
//
// If reqs yields an error, the call is canceled. ClientStream returns the error unchanged if it
// has a status, or else wrapped in one: CANCELED or DEADLINE_EXCEEDED for context errors, UNKNOWN
// for others. If the call has already ended by itself, its status counts instead, even if it is
// OK. If the server responds before reqs has ended, ClientStream notices at the next request and
// takes no more. A nil message or nil reqs is INTERNAL.
func ClientStream[Resp, Req any](ctx context.Context, m *Method, reqs runtime.Stream[Req]) (*Resp, error) {
	if reqs == nil {
		return nil, m.misuse(nilRequests)
	}
	c, err := m.start(ctx)
	if err != nil {
		return nil, err
	}
	defer release[Resp](c)
	failure := sendEach(ctx, m, reqs, func(req any) error {
		err := c.SendMsg(req)
		if err == io.EOF {
			c.commit()
		}
		return err
	})
	if failure == nil {
		failure = c.CloseSend()
	}
	if failure != nil {
		c.cancel()
	}
	resp := new(Resp)
	err = c.RecvMsg(resp)
	c.ended = err == nil // an error may be grpc's own, about a second response
	if err = c.end(c.endedBy(ctx, err, failure)); err != nil {
		return nil, err
	}
	return resp, nil
}

// endedBy returns the result of a call with the status err, which is nil or io.EOF for OK, and
// with the error failure of its requests, which may be nil. A failure cancels the call; if the
// status is another one, the call had ended before.
func (c *clientCall) endedBy(ctx context.Context, err, failure error) error {
	switch {
	case failure == nil || status.Code(err) != codes.Canceled: // includes nil and io.EOF
		return err
	case ctx.Err() != nil: // requests that watch ctx failed a moment before the call did
		return rpcerr.Upstream(ctx, ctx.Err())
	default:
		return rpcerr.OfRequests(failure)
	}
}

// Mistakes of callers that send streams.
const (
	nilRequests = "the request stream is nil; pass an empty stream to send nothing"
	nilRequest  = "the request stream yielded neither a message nor an error; yield one of them"
)

// clientCall is a running call with a stream.
type clientCall struct {
	grpc.ClientStream
	ctx      context.Context // of the caller
	outgoing context.Context // with what observers added
	cancel   context.CancelFunc
	ended    bool            // RecvMsg has reported the end
	header   *responseHeader // nil if no option needs it

	observed *observedCall // nil if the call is not observed
	outcome  error         // what the observers see
}

// SendMsg returns exactly io.EOF if RecvMsg knows why the call has ended: grpc wraps io.EOF when
// it is out of retries.
func (c *clientCall) SendMsg(msg any) error {
	err := c.ClientStream.SendMsg(msg)
	switch {
	case err == nil:
		if c.observed != nil {
			c.observed.sent.Add(1)
		}
		return nil
	case errors.Is(err, io.EOF):
		return io.EOF
	default:
		return rpcerr.Upstream(c.ctx, err)
	}
}

// commit is called after SendMsg has returned io.EOF, and makes it final. SendMsg also returns it if
// the connection broke before the call was sent. RecvMsg would then retry the call, with the
// requests so far, and the method would take them for all (as of grpc-go 1.84, for which a stream
// that was not sent has the status OK).
func (c *clientCall) commit() { _ = c.ClientStream.Context() } // documented to disable retries

// RecvMsg receives again if grpc, out of retries, reports that it could not send the last attempt
// instead of that attempt's status.
func (c *clientCall) RecvMsg(msg any) error {
	err := c.ClientStream.RecvMsg(msg)
	if err != io.EOF && errors.Is(err, io.EOF) {
		err = c.ClientStream.RecvMsg(msg)
	}
	if err == nil && c.observed != nil {
		c.observed.received.Add(1)
	}
	if err == nil || err == io.EOF {
		return err
	}
	return rpcerr.Upstream(c.ctx, err)
}

func (c *clientCall) CloseSend() error {
	if err := c.ClientStream.CloseSend(); err != nil {
		return rpcerr.Upstream(c.ctx, err)
	}
	return nil
}

// start starts a call; [release] ends it.
func (m *Method) start(ctx context.Context) (*clientCall, error) {
	outgoing, call := m.observed.begin(withRequestID(ctx))
	err := errAborted
	defer func() {
		if err != nil {
			call.finish(err)
		}
	}()
	streamCtx, cancel := m.limitStream(outgoing)
	header, options := responseHeaderOf(m.callOptions(outgoing))
	cs, err := m.conn.NewStream(streamCtx, &m.desc, m.info.FullMethod, call.withAttempts(options)...)
	if err != nil {
		cancel()
		err = rpcerr.Upstream(ctx, err)
		return nil, err
	}
	openheader.Started(ctx, cs.Header)
	return &clientCall{
		ClientStream: cs, ctx: ctx, outgoing: outgoing, cancel: cancel, header: header,
		observed: call, outcome: errStopped,
	}, nil
}

// end records how the call has ended for the caller: io.EOF and nil are OK.
func (c *clientCall) end(err error) error {
	if c.outcome = err; err == io.EOF {
		c.outcome = nil
	}
	return err
}

// release cancels a call that has not ended, and receives until it has: only then has grpc
// released everything that belongs to the call and set the targets of call options.
func release[Resp any](c *clientCall) {
	c.cancel()
	observed := c.observed
	c.observed = nil // nobody receives the rest
	for resp := new(Resp); !c.ended; {
		c.ended = c.RecvMsg(resp) != nil
	}
	c.header.end()
	observed.finish(c.outcome)
}

// sendOnly sends the single request of a call. It ignores io.EOF: RecvMsg knows why the call has
// ended.
func (c *clientCall) sendOnly(req any) error {
	if err := c.SendMsg(req); err != nil && err != io.EOF {
		return err
	}
	return c.CloseSend()
}

// sendEach sends what reqs yields until reqs or the call ends.
func sendEach[Req any](ctx context.Context, m *Method, reqs runtime.Stream[Req], send func(any) error) (err error) {
	each.Range(reqs, func() { callctx.LateYield(ctx) }, func(req *Req, failure error) bool {
		more := false
		switch {
		case failure != nil:
			err = failure
		case req == nil:
			err = m.misuse(nilRequest)
		default:
			if err = send(req); err == io.EOF {
				err = nil // RecvMsg returns the reason
			} else {
				more = err == nil
			}
		}
		return more
	})
	return err
}

// eachResponse yields what c receives. It returns the error that ended the stream, io.EOF if it
// succeeded, or nil if the consumer stopped.
func eachResponse[Resp any](c *clientCall, yield func(*Resp, error) bool) error {
	c.header.arrive(c.ClientStream)
	for {
		resp := new(Resp)
		if err := c.RecvMsg(resp); err != nil {
			c.ended = true
			return err
		}
		if !yield(resp, nil) {
			return nil
		}
	}
}

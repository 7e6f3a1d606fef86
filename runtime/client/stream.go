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
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// ServerStream calls an RPC that answers with a stream.
//
// The stream is lazy: each range over it makes a call, and sends req again. Breaking out of the loop cancels the call; the
// range returns when nothing of the call is left, and what call options asked for is filled. The stream yields the status
// that the call failed with last.
func ServerStream[Resp, Req any](ctx context.Context, m *Method, req *Req) runtime.Stream[Resp] {
	return func(yield func(*Resp, error) bool) {
		c, err := m.open(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		defer release[Resp](c)
		if err := c.sendOnly(req); err != nil {
			yield(nil, err)
			return
		}
		if err := eachResponse(c, yield); err != nil && err != io.EOF {
			yield(nil, err)
		}
	}
}

// ClientStream calls an RPC that takes a stream of requests, which it ranges over once, in
// the caller's goroutine.
//
// An error that reqs yields cancels the call. It is returned as it is if it is a status, and else
// as one that wraps it: CANCELED or DEADLINE_EXCEEDED for the errors of contexts, UNKNOWN for
// others. If the call has ended by itself, its status counts instead, also OK. When the server
// answers before reqs has ended, that is noticed at the next request, and no more are taken. A
// nil message and a nil reqs are INTERNAL.
func ClientStream[Resp, Req any](ctx context.Context, m *Method, reqs runtime.Stream[Req]) (*Resp, error) {
	if reqs == nil {
		return nil, m.misuse(nilRequests)
	}
	c, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	defer release[Resp](c)
	failure := sendEach(ctx, m, reqs, c.SendMsg)
	if failure == nil {
		failure = c.CloseSend()
	}
	if failure != nil {
		c.cancel()
	}
	resp := new(Resp)
	err = c.RecvMsg(resp)
	c.ended = true
	if err = c.endedBy(ctx, err, failure); err != nil {
		return nil, err
	}
	return resp, nil
}

// endedBy returns what a call ends with whose status is err, nil or io.EOF for OK, and whose
// requests failed with failure, which may be nil. A failure cancels the call: one with another
// status had ended before.
func (c *clientCall) endedBy(ctx context.Context, err, failure error) error {
	switch {
	case failure == nil || status.Code(err) != codes.Canceled: // also nil and io.EOF
		return err
	case ctx.Err() != nil: // requests that watch ctx failed a moment before the call did
		return rpcerr.Upstream(ctx, ctx.Err())
	default:
		return rpcerr.OfRequests(failure)
	}
}

// Mistakes of callers that send streams.
const (
	nilRequests = "the stream of requests is nil; pass one that ends at once to send nothing"
	nilRequest  = "the stream of requests yielded neither a message nor an error; yield one of them"
)

// clientCall is one stream that was opened.
type clientCall struct {
	grpc.ClientStream
	ctx    context.Context // that the call was made with
	cancel context.CancelFunc
	ended  bool            // RecvMsg has reported the end
	header *responseHeader // nil where nobody asks for it
}

// SendMsg returns io.EOF, and nothing that wraps it, where RecvMsg knows why the call has ended: grpc wraps it when there are no
// more retries.
func (c *clientCall) SendMsg(msg any) error {
	err := c.ClientStream.SendMsg(msg)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		return io.EOF
	default:
		return rpcerr.Upstream(c.ctx, err)
	}
}

// RecvMsg asks again where grpc, out of retries, says that the last attempt could not be sent, and not what its status is.
func (c *clientCall) RecvMsg(msg any) error {
	err := c.ClientStream.RecvMsg(msg)
	if err != io.EOF && errors.Is(err, io.EOF) {
		err = c.ClientStream.RecvMsg(msg)
	}
	if err == nil || err == io.EOF {
		return err
	}
	return rpcerr.Upstream(c.ctx, err)
}

// CloseSend ends the requests.
func (c *clientCall) CloseSend() error {
	if err := c.ClientStream.CloseSend(); err != nil {
		return rpcerr.Upstream(c.ctx, err)
	}
	return nil
}

// open starts a call, which [release] ends.
func (m *Method) open(ctx context.Context) (*clientCall, error) {
	streamCtx, cancel := m.limitStream(withRequestID(ctx))
	header, options := responseHeaderOf(m.callOptions(ctx))
	cs, err := m.conn.NewStream(streamCtx, &m.desc, m.info.FullMethod, options...)
	if err != nil {
		cancel()
		return nil, rpcerr.Upstream(ctx, err)
	}
	return &clientCall{ClientStream: cs, ctx: ctx, cancel: cancel, header: header}, nil
}

// release cancels a call that has not ended, and receives until it has: only then has grpc let go of all that belongs to
// the call, and filled what call options point to.
func release[Resp any](c *clientCall) {
	c.cancel()
	for resp := new(Resp); !c.ended; {
		c.ended = c.RecvMsg(resp) != nil
	}
	c.header.end()
}

// sendOnly sends the one request of a call. An io.EOF says only that RecvMsg knows why the call has ended.
func (c *clientCall) sendOnly(req any) error {
	if err := c.SendMsg(req); err != nil && err != io.EOF {
		return err
	}
	return c.CloseSend()
}

// sendEach sends what reqs yields until it ends or the call has.
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
				err = nil // RecvMsg knows why
			} else {
				more = err == nil
			}
		}
		return more
	})
	return err
}

// eachResponse yields what c receives. It returns what ended the stream, io.EOF if nothing is wrong, or nil when the
// consumer has stopped.
func eachResponse[Resp any](c *clientCall, yield func(*Resp, error) bool) error {
	c.header.arrive(c)
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

package client

import (
	"context"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// previousAttempts is the metadata key that tells a server the number of previous attempts (gRFC
// A6).
const previousAttempts = "grpc-previous-rpc-attempts"

// attempt is one attempt of a hedged call. Its results are its own until the call is decided.
type attempt struct {
	previous int // how many were made before

	resp    any
	err     error
	header  metadata.MD
	trailer metadata.MD
	peer    peer.Peer
	panic   *RequestPanic
}

// run makes the attempt and reports its end.
func (a *attempt) run(h *hedgedCall) {
	returned := false
	defer func() {
		if !returned {
			a.failed(h.method, recover())
		}
		h.ended <- a
	}()
	a.resp = h.newResponse()
	a.err = h.method.conn.Invoke(a.context(h.ctx), h.method.info.FullMethod, h.req, a.resp, a.callOptions(h.options)...)
	returned = true
}

// failed records why the connection's Invoke did not return.
func (a *attempt) failed(m *Method, value any) {
	a.err = m.misuse("an interceptor ended its goroutine, as a test's FailNow does; return an error instead")
	if value == nil {
		return
	}
	a.panic = requestPanicOf(value)
}

// context returns the attempt's context, with the number of previous attempts.
func (a *attempt) context(ctx context.Context) context.Context {
	if a.previous == 0 {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, previousAttempts, strconv.Itoa(a.previous))
}

// callOptions returns options that write to the attempt instead of the caller's variables,
// because attempts run concurrently.
func (a *attempt) callOptions(options []grpc.CallOption) []grpc.CallOption {
	own := make([]grpc.CallOption, 0, len(options)+3)
	for _, option := range options {
		switch option.(type) {
		case grpc.HeaderCallOption, grpc.TrailerCallOption, grpc.PeerCallOption, grpc.OnFinishCallOption:
		default:
			own = append(own, option)
		}
	}
	return append(own, grpc.Header(&a.header), grpc.Trailer(&a.trailer), grpc.Peer(&a.peer))
}

// fill writes the results to the caller's variables.
func (a *attempt) fill(options []grpc.CallOption) {
	for _, option := range options {
		switch option := option.(type) {
		case grpc.HeaderCallOption:
			*option.HeaderAddr = a.header.Copy()
		case grpc.TrailerCallOption:
			*option.TrailerAddr = a.trailer.Copy()
		case grpc.PeerCallOption:
			*option.PeerAddr = a.peer
		case grpc.OnFinishCallOption:
			option.OnFinish(a.err)
		}
	}
}

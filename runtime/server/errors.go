package server

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// callerError returns the error that the caller of a call receives that failed with err.
func (m *method) callerError(c *callContext, err error) error {
	if m.without.masking {
		return c.stockError(err)
	}
	return c.publicError(err)
}

// publicError returns what the caller of an RPC that failed with err gets: the status that was made to be told, never the text around
// it. A context's error becomes CANCELED or DEADLINE_EXCEEDED, or [runtime.ErrDraining] where a shutdown cancelled the call; an error
// without status becomes UNKNOWN with a fixed text. What the runtime itself rejects calls with was made once, for all of them.
func (c *callContext) publicError(err error) error {
	err = rpcerr.Public(err)
	if c.live.drained.Load() && status.Code(err) == codes.Canceled {
		return runtime.ErrDraining
	}
	return err
}

// passed returns what the pipeline returns for a call that failed with cause, of which the caller is
// told sent. Without masking that is the error itself, because the interceptors of the server may look
// for its type. [runtime.ErrDraining] and what grpc would not send as sent take its place.
func (m *method) passed(cause, sent error) (passed error) {
	if !m.without.masking || sent == runtime.ErrDraining {
		return sent
	}
	defer func() { // of an error whose own methods panic
		if recover() != nil {
			passed = sent
		}
	}()
	if st, ok := status.FromError(cause); ok && st.Code() == codes.OK {
		return sent
	}
	return cause
}

// stockError returns the status that grpc sends for err. [runtime.ErrDraining] is that of a call which a
// shutdown cancelled.
func (c *callContext) stockError(err error) (sent error) {
	defer func() { // of an error whose own methods panic
		if recover() != nil {
			sent = rpcerr.Public(err)
		}
	}()
	st, ok := status.FromError(err)
	if !ok {
		st = status.FromContextError(err)
	}
	switch {
	case st.Code() == codes.Canceled && c.live.drained.Load():
		return runtime.ErrDraining
	case st.Code() == codes.OK: // grpc would send an error of the code OK
		return status.Error(codes.Unknown, err.Error())
	default:
		return st.Err()
	}
}

// cut returns why the context of the call's method has ended: a shutdown has cancelled it, or the
// client, or its deadline has passed. It is nil if it has not.
func (c *callContext) cut() error {
	if c.live.drained.Load() {
		return runtime.ErrDraining
	}
	return c.Context.Err()
}

// completed returns what a call ends with whose method returned err. A method that returns without an error after its context has
// ended has not said all it had to say, and must not look as if it had, to its caller or in the log. That of a response which is one
// message is the exception: the message is whole. See [serverStream.SendMsg] for what it may be made of.
func (c *callContext) completed(err error) error {
	if kind := c.call.method.info.Kind; err == nil && (kind == runtime.KindServerStream || kind == runtime.KindBidi) {
		return c.cut()
	}
	return err
}

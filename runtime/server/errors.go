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
		return c.hide(c.stockError(err))
	}
	return c.hide(c.publicError(err))
}

// publicError returns the status in err that is meant for the caller, without the text around it.
// An error of a context becomes CANCELED or DEADLINE_EXCEEDED, or [runtime.ErrDraining] if a
// shutdown canceled the call. An error without a status becomes UNKNOWN with a fixed text.
func (c *callContext) publicError(err error) error {
	err = rpcerr.Public(err)
	if c.drained() && status.Code(err) == codes.Canceled {
		return runtime.ErrDraining
	}
	return err
}

// passed returns the error that the pipeline returns to grpc for a call that failed with cause and
// whose caller receives sent. Without masking it is cause, because the server's interceptors may
// look for its type, unless grpc would send another status for it than sent.
func (m *method) passed(cause, sent error) (passed error) {
	if !m.without.masking || sent == runtime.ErrDraining || sent == errResourceNotFound {
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

// stockError returns the status that grpc sends for err, or [runtime.ErrDraining] if a shutdown
// canceled the call.
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
	case st.Code() == codes.Canceled && c.drained():
		return runtime.ErrDraining
	case st.Code() == codes.OK: // grpc would send an error of the code OK
		return status.Error(codes.Unknown, err.Error())
	default:
		return st.Err()
	}
}

// cut returns why the context of the call's method was canceled: [runtime.ErrDraining] for a
// shutdown, otherwise the context's error. It returns nil while the context is not canceled.
func (c *callContext) cut() error {
	if c.drained() {
		return runtime.ErrDraining
	}
	return c.Context.Err()
}

// completed returns the error of a call whose method returned err. A stream of responses that ends
// without an error after its context was canceled is incomplete, and must not look complete to the
// caller or in the log. A single response is complete; see [serverStream.SendMsg] for client
// streams.
func (c *callContext) completed(err error) error {
	if kind := c.call.method.info.Kind; err == nil && (kind == runtime.KindServerStream || kind == runtime.KindBidi) {
		return c.cut()
	}
	return err
}

// errResourceNotFound is the error for a resource that does not exist or must not be known to
// exist.
var errResourceNotFound = rpcerr.ReasonResourceNotFound.
	Errorf(codes.NotFound, "the resource was not found").Fixed()

// hide returns the error that the caller of a call receives instead of err, if the call must not
// show which resources exist.
func (c *callContext) hide(err error) error {
	if !c.hides() || err == nil {
		return err
	}
	if status.Code(err) == codes.NotFound || rpcerr.ReasonOf(err) == rpcerr.ReasonMissingPermission {
		return errResourceNotFound
	}
	return err
}

// hides reports whether the call must not show which resources exist.
func (c *callContext) hides() bool {
	return c.call.method.info.Policy.Permission.HideExistence || c.hidden.Load()
}

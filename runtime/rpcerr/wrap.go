package rpcerr

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Wrap returns err, with which the call of another service failed, as an error for our own
// caller: its code and details, with a message that is ours. It returns nil for nil.
//
//	stock, err := inventory.GetStock(ctx, req)
//	if err != nil {
//		return nil, rpcerr.Wrap(err, "check inventory")
//	}
//
// The caller gets "check inventory: not found": doing, which it can read, and the words for the
// code. The message of err is in the log only, where the whole error is "check inventory: " and
// err. The code and the details are those of [PublicStatus], and with INTERNAL, UNKNOWN and
// DATA_LOSS only ErrorInfo and RetryInfo of the details. [errors.Is] and [errors.As] find err and
// what it wraps.
//
// Some codes mean something else to our caller than they did to us; docs/errors.md lists them.
// Within a service, fmt.Errorf with %w adds to the log and changes nothing for the caller.
func Wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	p := publicStatus(err).Proto()
	code := codes.Code(p.Code)
	p.Message = doing + ": " + CodeWords(code)
	dropInternals(p)
	makeSendable(p)
	return &wrapped{st: status.FromProto(p), doing: doing, cause: err}
}

// wrapped is an error of another service as our caller gets it.
type wrapped struct {
	st    *status.Status
	doing string
	cause error
}

func (w *wrapped) Error() string              { return w.doing + ": " + w.cause.Error() }
func (w *wrapped) Unwrap() error              { return w.cause }
func (w *wrapped) GRPCStatus() *status.Status { return w.st }

package rpcerr

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Wrap returns err, the failure of a call to another service, as an error for our own caller:
// with its code and details, and with our message. It returns nil for nil.
//
//	stock, err := inventory.GetStock(ctx, req)
//	if err != nil {
//		return nil, rpcerr.Wrap(err, "check inventory")
//	}
//
// The caller receives "check inventory: not found": doing, which it can read, and the words for
// the code. The log has "check inventory: " and err. The code and details are those of
// [PublicStatus]; with INTERNAL, UNKNOWN and DATA_LOSS only ErrorInfo and RetryInfo remain of the
// details. [errors.Is] and [errors.As] find err and what it wraps.
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

func (w *wrapped) Error() string              { return w.doing + ": " + w.cause.Error() }
func (w *wrapped) Unwrap() error              { return w.cause }
func (w *wrapped) GRPCStatus() *status.Status { return w.st }

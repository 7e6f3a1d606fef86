package runtime

import (
	"slices"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

// Wrap returns err, with which the call of another service failed, as an error for our own caller: its code and details,
// with a message that is ours. It returns nil for nil.
//
//	stock, err := inventory.GetStock(ctx, req)
//	if err != nil {
//		return nil, runtime.Wrap(err, "check inventory")
//	}
//
// The caller gets "check inventory: not found": doing, which it can read, and the words for the code. The message of err is
// in the log only, where the whole error is "check inventory: " and err. DebugInfo is left out, and with INTERNAL, UNKNOWN and
// DATA_LOSS all details but ErrorInfo and RetryInfo. An error without a status becomes CANCELED or DEADLINE_EXCEEDED where it is
// that of a context, else UNKNOWN. [errors.Is] and [errors.As] find err and what it wraps.
//
// All codes are kept, also those that say something else to our caller than they did to us; docs/errors.md lists them. Within a
// service, fmt.Errorf with %w adds to the log and leaves the caller the message as well.
func Wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	_, st := statusIn(err)
	if st == nil {
		st = status.Convert(withoutStatus(err))
	}
	p := st.Proto()
	p.Message = doing + ": " + codeWords(st.Code())
	dropInternals(p)
	makeSendable(p)
	return &wrapped{st: status.FromProto(p), doing: doing, cause: err}
}

// dropInternals takes out of the details of an upstream's own failure what is not for programs.
func dropInternals(p *spb.Status) {
	switch codes.Code(p.Code) {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		p.Details = slices.DeleteFunc(p.Details, func(detail *anypb.Any) bool {
			return !detail.MessageIs((*errdetails.ErrorInfo)(nil)) && !detail.MessageIs((*errdetails.RetryInfo)(nil))
		})
	}
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

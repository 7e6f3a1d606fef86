package batch

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Reasons of batch errors, in the runtime's domain. Errors about one item have its index in their
// metadata.
const (
	// ReasonEmpty is the reason of INVALID_ARGUMENT for a request without items.
	ReasonEmpty rpcerr.Reason = "BATCH_EMPTY"
	// ReasonTooLarge is the reason of INVALID_ARGUMENT for a request with more items than the
	// method accepts; the metadata has "maxSize" and "size".
	ReasonTooLarge rpcerr.Reason = "BATCH_TOO_LARGE"
	// ReasonFieldMismatch is the reason of INVALID_ARGUMENT if a field of an item differs from
	// the same field of the request.
	ReasonFieldMismatch rpcerr.Reason = "BATCH_FIELD_MISMATCH"
	// ReasonNotFound is the reason of NOT_FOUND for an item without a result.
	ReasonNotFound rpcerr.Reason = "BATCH_NOT_FOUND"
	// ReasonResponseTooLarge is the reason of RESOURCE_EXHAUSTED if the results exceed the
	// maximum size of a response; the metadata has "maxBytes" and "size". In an item it means
	// that the item was processed but its result was dropped.
	ReasonResponseTooLarge rpcerr.Reason = "BATCH_RESPONSE_TOO_LARGE"
	// ReasonChildFailed is the reason of a failure of an item whose own error has none.
	ReasonChildFailed rpcerr.Reason = "BATCH_CHILD_FAILED"
)

// misuse returns the error for a programming mistake: INTERNAL for the caller, the text for the
// log.
func misuse(format string, args ...any) error {
	return rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").WithCause(fmt.Errorf(format, args...))
}

// Mistakes of functions that a batch calls.
var (
	errNoResult = misuse("the item function returned neither a result nor an error; return one of them")
	errLeft     = misuse("the item function ended its goroutine, as a test's FailNow does; return an error instead")
	errNoTx     = misuse("the function of WithTx returned without an error and did not call its argument")
)

// indexKey is the ErrorInfo metadata key of an item's index.
const indexKey = "index"

// itemError is an error of an item as the caller of the batch receives it: its paths start at
// the request of the batch.
type itemError struct {
	st    *status.Status
	at    string // "requests[3]"
	cause error
}

func (e *itemError) Error() string { return e.at + ": " + e.cause.Error() }

func (e *itemError) Unwrap() error { return e.cause }

func (e *itemError) GRPCStatus() *status.Status { return e.st }

func setIndex(info *errdetails.ErrorInfo, i int) {
	if info.Metadata == nil {
		info.Metadata = make(map[string]string, 1)
	}
	info.Metadata[indexKey] = strconv.Itoa(i)
}

// rewrite changes the ErrorInfo and the field paths in the details of st. Details that cannot be
// decoded stay unchanged.
func rewrite(st *spb.Status, info func(*errdetails.ErrorInfo), field func(string) string) {
	for i, detail := range st.Details {
		var changed proto.Message
		errorInfo, bad := new(errdetails.ErrorInfo), new(errdetails.BadRequest)
		switch {
		case detail.MessageIs(errorInfo) && detail.UnmarshalTo(errorInfo) == nil:
			info(errorInfo)
			changed = errorInfo
		case detail.MessageIs(bad) && detail.UnmarshalTo(bad) == nil:
			for _, v := range bad.FieldViolations {
				v.Field = field(v.Field)
			}
			changed = bad
		default:
			continue
		}
		if packed, err := anypb.New(changed); err == nil {
			st.Details[i] = packed
		}
	}
}

func hasInfo(st *spb.Status) bool {
	for _, detail := range st.Details {
		if detail.MessageIs((*errdetails.ErrorInfo)(nil)) {
			return true
		}
	}
	return false
}

// itemNotFound returns the error of an item without a result.
func itemNotFound(child any) *rpcerr.Error {
	return ReasonNotFound.Errorf(codes.NotFound, "not found").WithResource("", fmt.Sprint(child), "")
}

// tooLarge returns the error of a batch whose results exceed the maximum size of a response.
func tooLarge(size, maxBytes int) error {
	return ReasonResponseTooLarge.
		Errorf(codes.ResourceExhausted, "the results have %d bytes, but a response can have at most %d; send fewer items per request", size, maxBytes).
		WithMetadata("maxBytes", strconv.Itoa(maxBytes)).
		WithMetadata("size", strconv.Itoa(size))
}

// errLeftOut is the error of an item whose result was dropped because the response would be too
// large.
var errLeftOut = ReasonResponseTooLarge.
	Errorf(codes.ResourceExhausted, "the item was processed, but its result does not fit into the response; send fewer items per request")

// andMore returns the text for n more: ", and 2 more".
func andMore(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more", n)
}

// indexIn returns the index of the item that a field path leads to, and the rest of the path: 3
// and ".parent" of "requests[3].parent".
func indexIn(field, name string) (i int, rest string, ok bool) {
	digits, ok := strings.CutPrefix(field, name+"[")
	if !ok {
		return 0, "", false
	}
	digits, rest, ok = strings.Cut(digits, "]")
	if !ok {
		return 0, "", false
	}
	i, err := strconv.Atoi(digits)
	return i, rest, err == nil && i >= 0
}

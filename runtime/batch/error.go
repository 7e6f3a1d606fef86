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

// indexKey is the ErrorInfo metadata key of an item's index.
const indexKey = "index"

// childError is an error of an item as the caller of the batch receives it: its paths start at
// the request of the batch.
type childError struct {
	st    *status.Status
	at    string // "requests[3]"
	cause error
}

func (e *childError) Error() string              { return e.at + ": " + e.cause.Error() }
func (e *childError) Unwrap() error              { return e.cause }
func (e *childError) GRPCStatus() *status.Status { return e.st }

// childError returns the error of the batch if item i failed with err.
func (p *plan[Resp, C, R]) childError(i int, err error) error {
	at := p.at(i)
	st := rpcerr.PublicStatus(err).Proto()
	st.Message = at + ": " + st.Message
	rewrite(st, func(info *errdetails.ErrorInfo) {
		setIndex(info, i)
	}, func(field string) string {
		if !p.requests || field == "" { // an ID has no fields
			return at
		}
		return at + "." + field
	})
	if !hasInfo(st) {
		info := &errdetails.ErrorInfo{Reason: ReasonChildFailed.Name(), Domain: rpcerr.ErrorDomain}
		setIndex(info, i)
		if detail, err := anypb.New(info); err == nil {
			st.Details = append(st.Details, detail)
		}
	}
	return &childError{st: status.FromProto(st), at: at, cause: err}
}

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

// childNotFound returns the error of an item without a result.
func childNotFound(child any) *rpcerr.Error {
	return ReasonNotFound.Errorf(codes.NotFound, "not found").WithResource("", fmt.Sprint(child), "")
}

// notFound returns the error of a batch with missing results, given the indexes of their items in
// the request.
func (p *plan[Resp, C, R]) notFound(missing []int, first C) error {
	err := ReasonNotFound.
		Errorf(codes.NotFound, "%s was not found%s", p.at(missing[0]), andMore(len(missing)-1)).
		WithMetadata(indexKey, strconv.Itoa(missing[0]))
	if !p.requests {
		err = err.WithResource("", fmt.Sprint(first), "")
	}
	violations := make([]rpcerr.FieldViolation, len(missing))
	for i, at := range missing {
		violations[i] = rpcerr.Violation(p.at(at), "was not found")
	}
	return err.WithViolations(violations...)
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

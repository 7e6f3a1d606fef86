package hub

import (
	"fmt"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// ErrLeft is the error of [Member.Send] to a member that has left its room. Its code is CANCELED.
var ErrLeft = status.Error(codes.Canceled, "the member has left the room")

// Errors without variable text, which cost nothing.
var (
	errSlow = ReasonSlowConsumer.Errorf(codes.ResourceExhausted,
		"messages arrive faster than they are received; join again").Fixed()
	// errPanicked ends the stream if a function of a handler panicked; the log has the details.
	errPanicked = status.Error(codes.Internal, "internal error")
)

// maxKey is the maximum length of a room key in bytes.
const maxKey = 256

// checkKey returns what is wrong with a room key, or "".
func checkKey(key string) string {
	switch {
	case key == "":
		return "must name a room"
	case len(key) > maxKey:
		return "must not be longer than " + strconv.Itoa(maxKey) + " bytes"
	}
	return ""
}

// invalidKey returns INVALID_ARGUMENT for the room key in a field of a request.
func invalidKey(field, what string) error {
	reason := ReasonRoomInvalid
	return reason.Errorf(codes.InvalidArgument, "%s %s", field, what).
		WithMetadata("field", field).
		WithViolations(rpcerr.FieldViolation{Field: field, Description: what, Reason: reason.Name()})
}

// exhausted returns RESOURCE_EXHAUSTED for a limit of members or rooms.
func exhausted(reason rpcerr.Reason, limit int, format string) error {
	return reason.Errorf(codes.ResourceExhausted, format, limit).
		WithMetadata("limit", strconv.Itoa(limit))
}

// tooLarge returns RESOURCE_EXHAUSTED for an encoded message that the bus cannot carry.
func tooLarge(size, limit int64) error {
	return ReasonMessageTooLarge.Errorf(codes.ResourceExhausted,
		"the message has %d bytes, and a room takes %d; send a smaller message", size, limit).
		WithMetadata("limit", strconv.FormatInt(limit, 10))
}

// misuse returns INTERNAL for a mistake of the service, described in its log.
func misuse(format string, args ...any) error {
	return rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").
		WithCause(fmt.Errorf("hub: "+format, args...))
}

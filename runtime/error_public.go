package runtime

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// PublicStatus returns what the caller of a method is told that fails with err: for answers that carry a status in a message, as
// batches and operations do. It is the status that was made to be told, never the text around it; an error without one is
// CANCELED or DEADLINE_EXCEEDED where it is a context's, and else UNKNOWN with a fixed text. Of nil it is OK.
func PublicStatus(err error) *status.Status {
	if err == nil {
		return status.New(codes.OK, "")
	}
	return publicStatus(err)
}

package rpcerr

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// PublicStatus returns the status that the caller of a method gets that returns err: for
// responses that carry a status in a message, as those of batches and operations do. It is the
// status in the tree of err, never the text around it. An error without one is CANCELED or
// DEADLINE_EXCEEDED where it is a context's, and else UNKNOWN with a fixed text. Of nil it is OK.
//
// The error of a client call loses what its caller must not see; docs/errors.md has the rules.
// Likewise an error type may have a method PublicStatus() *status.Status, which then counts
// instead of its GRPCStatus.
func PublicStatus(err error) *status.Status {
	if err == nil {
		return status.New(codes.OK, "")
	}
	return publicStatus(err)
}

package operation

import (
	"google.golang.org/genproto/googleapis/rpc/code"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
)

// Failed is the error of a failed operation, as opposed to a failed call: waiting again does not
// help.
//
//	var failed *operation.Failed
//	if errors.As(err, &failed) {
//
// It has the operation's status, which status.Code, [rpcerr.ReasonOf] and similar functions read.
// A service that returns it to its own caller uses [rpcerr.Wrap], as for a call to another
// service.
type Failed struct {
	// Name is the name of the operation.
	Name string

	status *status.Status
}

func newFailed(name string, failure *spb.Status) *Failed {
	return &Failed{Name: name, status: status.FromProto(known(failure))}
}

// Error returns the name and the status of the operation.
func (f *Failed) Error() string {
	return "operation " + f.Name + " failed: " + code.Code(f.status.Code()).String() + ": " + f.status.Message()
}

// GRPCStatus returns the status of the operation: CANCELLED if it was cancelled.
func (f *Failed) GRPCStatus() *status.Status { return f.status }

// Unwrap returns the status as an error.
func (f *Failed) Unwrap() error { return f.status.Err() }

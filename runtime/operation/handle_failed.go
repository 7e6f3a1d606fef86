package operation

import (
	"google.golang.org/genproto/googleapis/rpc/code"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
)

// Failed is the error of an operation that has failed, as opposed to that of a call: to wait once more does not help.
//
//	var failed *operation.Failed
//	if errors.As(err, &failed) {
//
// It carries the operation's status, so that status.Code, [rpcerr.ReasonOf] and the like read it. A service that returns it to
// its own caller uses [rpcerr.Wrap], as for a call of another service.
type Failed struct {
	// Name is the name of the operation.
	Name string

	status *status.Status
}

func newFailed(name string, failure *spb.Status) *Failed {
	return &Failed{Name: name, status: status.FromProto(known(failure))}
}

// Error says which operation failed, and how.
func (f *Failed) Error() string {
	return "operation " + f.Name + " failed: " + code.Code(f.status.Code()).String() + ": " + f.status.Message()
}

// GRPCStatus returns how the operation failed: CANCELLED if it was cancelled.
func (f *Failed) GRPCStatus() *status.Status { return f.status }

// Unwrap returns the status as an error.
func (f *Failed) Unwrap() error { return f.status.Err() }

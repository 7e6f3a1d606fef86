package servicetest

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// judge returns what is wrong with a finished call that returned err to its caller.
func (p *probe) judge(call plan, seen *sighting, err error) (found []string) {
	for _, panicked := range seen.panics {
		found = append(found, fmt.Sprintf("%s: the method, or a goroutine that it started, panicked: %s\nIts caller got INTERNAL. "+
			"Return an error instead.", call, panicked))
	}
	if len(found) > 0 {
		return found
	}
	st := status.Convert(err)
	switch {
	case seen.code == codes.Unknown.String() || st.Code() == codes.Unknown:
		return []string{fmt.Sprintf("%s: the caller got UNKNOWN for the error %q. It has no status that a caller can act on: "+
			"return a status with the code that fits, such as status.Error(codes.NotFound, …)", call, cause(seen, st))}
	case st.Code() == codes.Internal && madeByRuntime(st):
		return []string{fmt.Sprintf("%s: the caller got INTERNAL: %s", call, cause(seen, st))}
	}
	return nil
}

// cause returns the logged cause of an error, or else the error that the caller received.
func cause(seen *sighting, st *status.Status) string {
	if seen.cause != "" {
		return seen.cause
	}
	return st.Message()
}

// madeByRuntime distinguishes an INTERNAL error of the runtime, for a programming mistake, from one
// of a method.
func madeByRuntime(st *status.Status) bool {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetDomain() == rpcerr.ErrorDomain && info.GetReason() == rpcerr.ReasonInternal.Name()
		}
	}
	return false
}

// stillRunning describes where a method that does not return is running.
func (p *probe) stillRunning(call plan) string {
	stacks := p.mark.stacks("servicetest.(*probe).unary", "servicetest.(*probe).streaming", "server.(*group).")
	return fmt.Sprintf("%s: the method is still running %v after %s. It must return when its context ends. It is here:\n\n%s",
		call, returnTimeout, call.ending(), stacks)
}

// ending describes why the method should have returned.
func (c plan) ending() string {
	if c.leaves {
		return "its caller has gone"
	}
	return fmt.Sprintf("its deadline of %v has passed or its caller has gone", CallTimeout)
}

// String describes the call for the author of the method.
func (c plan) String() string {
	var what strings.Builder
	switch len(c.requests) {
	case 0:
		what.WriteString("no request")
	case 1:
		what.WriteString(c.requests[0].text)
	default:
		fmt.Fprintf(&what, "%d requests, from %s to %s", len(c.requests), c.requests[0].text, c.requests[len(c.requests)-1].text)
	}
	switch {
	case c.fault != "":
		fmt.Fprintf(&what, ", with a context that is %s", c.fault)
	case c.leaves:
		what.WriteString(", from a caller that goes away")
	}
	return what.String()
}

// returnTimeout is [ReturnTimeout], except in tests of this package.
var returnTimeout = ReturnTimeout

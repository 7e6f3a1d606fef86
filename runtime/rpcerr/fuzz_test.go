package rpcerr_test

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// FuzzErrorDetails reads statuses as another service may send them, and passes them on.
func FuzzErrorDetails(f *testing.F) {
	f.Add([]byte("\x08\x0f\x12\x01\xff")) // DATA_LOSS with a message that is not UTF-8
	for _, err := range []error{
		reasonOutOfStock.Errorf(codes.NotFound, "no").WithRetryAfter(1).WithMetadata("a", "b").WithResource("a", "b", "c"),
		rpcerr.Invalid(rpcerr.Violation("a", "b"), rpcerr.Violation("c", "d")),
		reasonOutOfStock.Errorf(codes.Internal, "%s", strings.Repeat("é", 9000)).WithViolations(make([]rpcerr.FieldViolation, 5000)...),
	} {
		if seed, failed := proto.Marshal(status.Convert(err).Proto()); failed == nil {
			f.Add(seed)
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		p := new(spb.Status)
		if proto.Unmarshal(wire, p) != nil || p.GetCode() == 0 {
			return
		}
		upstream := status.ErrorProto(p)
		rpcerr.FieldViolations(upstream)
		if wait, _ := rpcerr.RetryAfter(upstream); wait < 0 {
			t.Errorf("RetryAfter = %v", wait)
		}
		checkSendable(t, p, rpcerr.Wrap(upstream, "call"), rpcerr.ReasonOf(upstream).Errorf(codes.Aborted, "x").WithDetail(p))
	})
}

// checkSendable checks errors that were made of the status p of another service.
func checkSendable(t *testing.T, p *spb.Status, errs ...error) {
	t.Helper()
	for _, err := range errs {
		st := status.Convert(err)
		wire, failed := proto.Marshal(st.Proto())
		if failed != nil || len(wire) > rpcerr.MaxErrorSize*3/4 {
			t.Errorf("%v: %d bytes, %v", st, len(wire), failed)
		}
		if len(p.GetMessage()) > len("call: deadline exceeded") && strings.Contains(st.Message(), p.GetMessage()) {
			t.Errorf("the message %q tells %q", st.Message(), p.GetMessage())
		}
		if debug, ok := rpcerr.Detail[*errdetails.DebugInfo](err); ok {
			t.Errorf("DebugInfo is sent: %v", debug)
		}
	}
}

package e2e

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// onZeroService runs a test with some methods of ZeroService, each on a separate server.
func onZeroService(t *testing.T, methods []string, test func(t *testing.T, client kindsv1service.KindsService, srv *policyServer, kind string)) {
	for _, end := range policyEnds {
		t.Run(end.name, func(t *testing.T) {
			servicetest.NoLeaks(t)
			for _, kind := range methods {
				t.Run(kind, func(t *testing.T) {
					srv := servePolicy(t, end.register(policyServices["ZeroService"]), kindsService{})
					test(t, end.connect(t, srv, policyServices["ZeroService"]), srv, kind)
				})
			}
		})
	}
}

// TestZerosTakeDefaultsAway calls methods that set each limit of their service to zero.
func TestZerosTakeDefaultsAway(t *testing.T) {
	slow := &kindsv1.Request{Count: 1, Payload: make([]byte, 200),
		Fault: kindsv1.Fault_FAULT_IGNORE_CONTEXT, Delay: durationpb.New(100 * time.Millisecond)}
	onZeroService(t, []string{"Unary", "Bidi"}, func(t *testing.T, client kindsv1service.KindsService, srv *policyServer, kind string) {
		for range 2 {
			got, err := call(undated(t), client, kind, slow)
			if err != nil {
				t.Fatal(err)
			}
			if left := got[0].GetTimeLeft(); left != nil {
				t.Errorf("the method has %v left, want no deadline", left.AsDuration())
			}
		}
		srv.stop()
		if records := srv.log.calls(t, kind); len(records) != 2 {
			t.Errorf("the log has %v", records)
		}
	})
}

// TestDefaultsHoldForTheRest calls methods that say nothing of their service's limits.
func TestDefaultsHoldForTheRest(t *testing.T) {
	onZeroService(t, []string{"ServerStream", "ClientStream"}, func(t *testing.T, client kindsv1service.KindsService, srv *policyServer, kind string) {
		_, err := call(testContext(t), client, kind, large)
		if rpcerr.ReasonOf(err) != rpcerr.ReasonRequestTooLarge {
			t.Errorf("a large request: %v", err)
		}
		if _, err := call(testContext(t), client, kind, small); rpcerr.ReasonOf(err) != rpcerr.ReasonRateLimited {
			t.Errorf("a call too many: %v", err)
		}
	})
	onZeroService(t, []string{"ServerStream", "ClientStream"}, func(t *testing.T, client kindsv1service.KindsService, srv *policyServer, kind string) {
		if _, err := call(testContext(t), client, kind, silent); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("a silent stream: %v", err)
		}
	})
}

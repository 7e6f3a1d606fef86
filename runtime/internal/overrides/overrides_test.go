package overrides_test

import (
	"testing"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/overrides"
)

// TestASkipIsTakenBack checks that a configuration can enable the checks of requests that the proto
// disables.
func TestASkipIsTakenBack(t *testing.T) {
	service := healthpb.Health_ServiceDesc.ServiceName
	for text, want := range map[string]bool{`{"validation": {"skip": false}}`: true, `{"log": {"sample": 1}}`: false} {
		o := overrides.New()
		if err := o.Read([]byte(`{"` + service + `/Check": ` + text + `, "a.B/Unknown": ` + text + `}`)); err != nil {
			t.Fatal(err)
		}
		if got := o.Apply(runtime.NewMethodInfo(service, "Check", runtime.KindUnary, runtime.Policy{})).Validate; got != want {
			t.Errorf("%s: requests are checked: %v", text, got)
		}
		if o.Apply(runtime.NewMethodInfo("a.B", "Unknown", runtime.KindUnary, runtime.Policy{})).Validate {
			t.Errorf("%s: requests are checked whose proto is not known", text)
		}
		if faults := o.Faults(); len(faults) > 0 {
			t.Error(faults)
		}
	}
}

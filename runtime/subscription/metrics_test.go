package subscription_test

import (
	"testing"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/internal/metrictest"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

func TestMetricsAreDocumented(t *testing.T) {
	metrictest.Documented(t, "../../docs/subscriptions.md", subscribe, newLog(t, 0))
}

// TestMetrics counts the streams of a method while they run, and positions from which the log
// cannot be read, also those of subscribers that fall behind.
func TestMetrics(t *testing.T) {
	var method metric.Source
	subscribe := with(func(*subscription.Fields) {})
	method = subscribe
	const labels = `{grpc_service="subscription.v1.EventService",grpc_method="Subscribe"`
	rejected := func(reason string) string {
		return `grpcservice_subscription_positions_rejected_total` + labels + `,reason="` + reason + `"}`
	}
	log := newLog(t, 10)
	token := tokenOf(t, log, 4)
	for range subscribe.Serve(t.Context(), start(t, log), log) {
		metrictest.Want(t, method, map[string]float64{
			`grpcservice_subscription_streams` + labels + `}`:       1,
			`grpcservice_subscription_resumed_total` + labels + `}`: 1,
		})
		break
	}
	want(t, subscribe.Serve(t.Context(), &request{Lines: 2}, log), 9, 10)
	if err := log.Trim(t.Context(), position(t, log, 5)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		position string
		log      *eventlog.Log[event]
	}{{"garbage", log}, {token, log}, {token, newLog(t, 3)}} {
		if _, err := receive(subscribe.Serve(t.Context(), &request{Position: bad.position}, bad.log), 1); err == nil {
			t.Error("the position is accepted")
		}
	}
	metrictest.Want(t, method, map[string]float64{
		`grpcservice_subscription_streams` + labels + `}`:       0,
		`grpcservice_subscription_resumed_total` + labels + `}`: 1,
		rejected("POSITION_INVALID"):                            1,
		rejected("POSITION_EXPIRED"):                            1,
		rejected("POSITION_UNKNOWN"):                            1,
	})
	small := eventlog.New[event](eventlog.NewMemory(eventlog.WithMaxRecords(300)), eventlog.WithTail(10, 1<<20))
	add(t, small, 1, 100)
	for e, err := range subscribe.Serve(t.Context(), start(t, small), small) {
		if err != nil {
			break
		}
		if e.GetId() == 50 {
			add(t, small, 101, 1000)
		}
	}
	metrictest.Want(t, method, map[string]float64{rejected("POSITION_EXPIRED"): 2})
}

package idempotency_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/internal/metrictest"
	"github.com/grpcservice/grpcservice/runtime/metric"
)

var _ metric.Source = (*idempotency.Guard)(nil)

func TestMetricsAreDocumented(t *testing.T) {
	metrictest.Documented(t, "../../docs/idempotency.md", idempotency.New(idempotency.Memory()))
}

// TestMetrics counts what becomes of calls with a key. A guard that two servers share binds a
// method twice, and reports it once.
func TestMetrics(t *testing.T) {
	store := &failing{Store: idempotency.Memory()}
	info := create(t, byIdempotencyKey)
	shared := idempotency.New(store, idempotency.WithName("orders"))
	g := &guarded{t: t, request: info.Descriptor.Input(), answer: shared.Bind(info)}
	other := &guarded{t: t, request: info.Descriptor.Input(), answer: shared.Bind(info)}
	g.says(`request_id: "1"`, "done I")
	g.says(`request_id: "1"`, "done I")
	other.says(`request_id: "1"`, "done I")
	g.says(`name: "without a key"`, "done II")
	fails := func(request string) {
		t.Helper()
		if _, err := g.call(t.Context(), request, nil); err == nil {
			t.Errorf("%s: no error", request)
		}
	}
	fails(`request_id: "1" name: "another"`)
	_, err := g.call(t.Context(), `request_id: "2"`, func(context.Context) (proto.Message, error) {
		fails(`request_id: "2"`)
		return nil, errors.New("no")
	})
	if err == nil {
		t.Error("no error")
	}
	store.finish = errors.New("away")
	g.says(`request_id: "3"`, "done IIII")
	store.begin = errors.New("away")
	fails(`request_id: "4"`)
	calls := func(result string) string {
		return `grpcservice_idempotency_calls_total{name="orders",grpc_service="things.v1.Things",` +
			`grpc_method="Create",result="` + result + `"}`
	}
	metrictest.Want(t, shared, map[string]float64{
		calls("new"): 3, calls("replayed"): 2, calls("in_progress"): 1, calls("mismatch"): 1,
		calls("unavailable"): 1,
		`grpcservice_idempotency_unsaved_total{name="orders",grpc_service="things.v1.Things",` +
			`grpc_method="Create"}`: 1,
	})
}

// failing is a store that may fail.
type failing struct {
	idempotency.Store
	begin, finish error
}

func (s *failing) Begin(ctx context.Context, claim idempotency.Claim) (idempotency.Entry, error) {
	if s.begin != nil {
		return idempotency.Entry{}, s.begin
	}
	return s.Store.Begin(ctx, claim)
}

func (s *failing) Finish(
	ctx context.Context, key idempotency.Key, fence idempotency.Fence, response []byte, window time.Duration,
) error {
	if s.finish != nil {
		return s.finish
	}
	return s.Store.Finish(ctx, key, fence, response, window)
}

package hub_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/internal/metrictest"
	"github.com/grpcservice/grpcservice/runtime/metric"
)

var _ metric.Source = (*hub.Hub[message])(nil)

func TestMetricsAreDocumented(t *testing.T) {
	metrictest.Documented(t, "../../docs/rooms.md", hub.New[message]())
}

// TestMetrics counts what each policy does to a member that does not receive.
func TestMetrics(t *testing.T) {
	for policy, test := range map[hub.Slow]struct {
		members float64
		want    map[string]float64
	}{
		hub.Disconnect: {1, map[string]float64{
			`grpcservice_hub_slow_members_disconnected_total{name="chat",policy="disconnect"}`: 1,
		}},
		hub.DropOldest: {2, map[string]float64{
			`grpcservice_hub_lost_total{name="chat",policy="drop_oldest"}`: 2,
		}},
		hub.DropNewest: {2, map[string]float64{
			`grpcservice_hub_lost_total{name="chat",policy="drop_newest"}`: 2,
		}},
	} {
		h := hub.New[message](hub.WithName("chat"), hub.WithSlow(policy))
		slow := join(t, h, "x", hub.WithQueue(1))
		join(t, h, "y")
		publish(t, h, "x", 1, 2, 3)
		if err := slow.Send(t.Context(), numbered(4)); err != nil && !errors.Is(err, hub.ErrLeft) &&
			status.Code(err) != codes.ResourceExhausted {
			t.Fatal(err)
		}
		want := map[string]float64{
			`grpcservice_hub_members{name="chat"}`:                                        test.members,
			`grpcservice_hub_rooms{name="chat"}`:                                          test.members,
			`grpcservice_hub_slow_members_disconnected_total{name="chat",policy="block"}`: 0,
			`grpcservice_hub_lost_total{name="chat",policy="block"}`:                      0,
		}
		for key, value := range test.want {
			if policy != hub.Disconnect {
				value++ // that of Send
			}
			want[key] = value
		}
		published := 4.0
		if policy == hub.Disconnect {
			published = 3 // the member had left when it was sent to
		}
		want[`grpcservice_hub_published_total{name="chat"}`] = published
		metrictest.Want(t, h, want)
	}
}

// TestMetricsOfBlock counts a message that a publisher gave up on, and a member that blocked for
// too long.
func TestMetricsOfBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New[message](hub.WithBlock(time.Hour), hub.WithQueue(1))
		join(t, h, "x")
		publish(t, h, "x", 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := h.Publish(ctx, "x", numbered(2)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		publish(t, h, "x", 3)
		metrictest.Want(t, h, map[string]float64{
			`grpcservice_hub_lost_total{name="",policy="block"}`:                      1,
			`grpcservice_hub_slow_members_disconnected_total{name="",policy="block"}`: 1,
			`grpcservice_hub_members{name=""}`:                                        0,
			`grpcservice_hub_queued_bytes{name=""}`:                                   0,
		})
	})
}

func TestMetricsOfConflation(t *testing.T) {
	h := hub.New[message](hub.WithConflate(func(*message) int { return 1 }))
	join(t, h, "x")
	publish(t, h, "x", 1, 2, 3)
	got := metrictest.Collect(t, h)
	if got[`grpcservice_hub_conflated_total{name=""}`] != 2 ||
		got[`grpcservice_hub_queued_bytes{name=""}`] == 0 {
		t.Errorf("got %v", got)
	}
}

// TestMetricsOfABus counts what other replicas send, what gets lost, and failures.
func TestMetricsOfABus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := new(hub.MemoryBus)
		one := hub.New[message](hub.WithBus(bus))
		other := hub.New[message](hub.WithBus(bus))
		m := join(t, one, "x")
		publish(t, other, "x", 1, 2)
		if err := bus.Publish(t.Context(), "x", []byte("no message")); err != nil {
			t.Fatal(err)
		}
		publish(t, other, "x", 3)
		synctest.Wait()
		wantWaiting(t, m, 1, 2, 3)
		metrictest.Want(t, one, map[string]float64{
			`grpcservice_hub_bus_received_total{name=""}`: 3,
			`grpcservice_hub_bus_lost_total{name=""}`:     1,
			`grpcservice_hub_bus_failures_total{name=""}`: 0,
		})
	})
	failing := hub.New[message](hub.WithBus(&fakeBus{publish: errBus}))
	if err := failing.Publish(t.Context(), "x", numbered(1)); !errors.Is(err, errBus) {
		t.Errorf("got %v", err)
	}
	metrictest.Want(t, failing, map[string]float64{
		`grpcservice_hub_bus_failures_total{name=""}`: 1,
	})
}

// TestMetricsWhileMessagesFlow collects while members join, leave and lose messages.
func TestMetricsWhileMessagesFlow(t *testing.T) {
	h := hub.New[message](hub.WithSlow(hub.DropOldest), hub.WithQueue(1))
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 200 {
				m, err := h.Join(t.Context(), "x")
				if err != nil {
					t.Error(err)
					return
				}
				_ = h.Publish(t.Context(), "x", numbered(1))
				_ = h.Publish(t.Context(), "x", numbered(2))
				m.Leave(t.Context())
			}
		})
		work.Go(func() {
			for range 200 {
				h.Collect(func(*metric.Desc, float64, ...string) {})
			}
		})
	}
	work.Wait()
	metrictest.Want(t, h, map[string]float64{
		`grpcservice_hub_members{name=""}`:         0,
		`grpcservice_hub_published_total{name=""}`: 1600,
	})
}

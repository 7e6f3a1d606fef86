package connpool_test

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"

	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

const firstReady = `{"first_ready":{}}`

// grpc's registry may be written only during initialization.
func init() {
	balancer.Register(base.NewBalancerBuilder("first_ready", firstPicker{}, base.Config{}))
}

// firstPicker builds pickers that use any server. Close of its balancer does nothing.
type firstPicker struct{ balancer.SubConn }

func (firstPicker) Build(info base.PickerBuildInfo) balancer.Picker {
	for sc := range info.ReadySCs {
		return firstPicker{sc}
	}
	return base.NewErrPicker(balancer.ErrNoSubConnAvailable)
}

func (p firstPicker) Pick(balancer.PickInfo) (balancer.PickResult, error) {
	return balancer.PickResult{SubConn: p.SubConn}, nil
}

// TestChildThatIsReplaced changes the child policy: the connections of the first child are closed,
// and its states no longer count.
func TestChildThatIsReplaced(t *testing.T) {
	for _, child := range []string{roundRobin, firstReady} {
		t.Run(child, func(t *testing.T) {
			servicetest.NoLeaks(t)
			limit := grpc.MaxConcurrentStreams(10)
			before, after := serve(t, "127.0.0.1:0", limit), serve(t, "127.0.0.1:0", limit)
			c := dial(t, setup{connections: 2, child: child}, []string{before.addr})
			running := c.holdAll(15)
			state := stateOf([]string{after.addr})
			next := setup{connections: 2, child: leastRequest}
			state.ServiceConfig = c.addrs.CC().ParseServiceConfig(next.serviceConfig(t))
			c.addrs.UpdateState(state)
			stopAll(c.holdAll(15))
			if n := before.running.Load(); n != 15 {
				t.Errorf("%d streams of the first child run; want 15", n)
			}
			stopAll(running)
			eventually(t, "no connection of the first child", func() bool { return before.open.Load() == 0 })
			before.Stop()
			stopAll(c.holdAll(15))
		})
	}
}

package connpool_test

import (
	"encoding/json"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/serviceconfig"

	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

const slowRoundRobin = `{"slow_round_robin":{}}`

// grpc's registry may be written only during initialization.
func init() { balancer.Register(slow{balancer.Get("round_robin")}) }

// slow builds a balancer whose pickers are late by a few milliseconds.
type slow struct{ balancer.Builder }

func (slow) Name() string { return "slow_round_robin" }

func (slow) ParseConfig(json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	return nil, nil
}

func (b slow) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	return b.Builder.Build(slowConn{cc}, opts)
}

type slowConn struct{ balancer.ClientConn }

func (c slowConn) UpdateState(state balancer.State) {
	time.Sleep(20 * time.Millisecond)
	c.ClientConn.UpdateState(state)
}

// TestServerThatPickersDoNotHaveYet starts streams while a further server is READY, but not yet in
// the picker of the child: none is queued at the server that is full.
func TestServerThatPickersDoNotHaveYet(t *testing.T) {
	for _, health := range []bool{false, true} {
		servicetest.NoLeaks(t)
		limit := grpc.MaxConcurrentStreams(10)
		full, next := serve(t, "127.0.0.1:0", limit), serve(t, "127.0.0.1:0", limit)
		c := dial(t, setup{connections: 1, child: slowRoundRobin, health: health}, []string{full.addr})
		places := 10
		if health {
			places-- // for the health check
		}
		defer stopAll(c.holdAll(places))
		c.addrs.UpdateState(stateOf([]string{full.addr, next.addr}))
		eventually(t, "a connection", func() bool { return next.open.Load() == 1 })
		for range places {
			time.Sleep(3 * time.Millisecond)
			defer stopAll(c.holdAll(1))
		}
		if n := next.running.Load(); n < int64(places) {
			t.Errorf("%d streams at the further server; want %d", n, places)
		}
	}
}

package orca_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/xds/orca"
)

// TestLoadCountsWithinAZone checks that calls stay in the zone of the client, where loaded servers
// get fewer.
func TestLoadCountsWithinAZone(t *testing.T) {
	for name, reports := range map[string][]orca.BalancerOption{
		"with responses": nil,
		"on a stream":    {orca.WithOutOfBand(orca.MinPeriod)},
	} {
		t.Run(name, func(t *testing.T) {
			servicetest.NoLeaks(t)
			var idle, busy, far atomic.Int64
			opts := append(reports, orca.WithBlackout(0), orca.WithUpdateInterval(orca.MinUpdateInterval))
			conn := dialBalancer(t, client.SameZone("here", orca.WeightedRoundRobin(opts...)),
				endpoint.WithZone(endpoint.New(loaded(t, &idle, 0.1)), "here"),
				endpoint.WithZone(endpoint.New(loaded(t, &busy, 0.9)), "here"),
				endpoint.WithZone(endpoint.New(loaded(t, &far, 0)), "there"))
			echo := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
			for deadline := time.Now().Add(patience); ; {
				idle.Store(0)
				busy.Store(0)
				far.Store(0)
				for range 300 {
					if _, err := echo.One(context.Background(), &echotest.Text{}); err != nil {
						t.Fatal(err)
					}
				}
				if far.Load() == 0 && busy.Load() > 0 && busy.Load() < idle.Load()/2 {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("the loaded server gets %d calls, the idle one %d, that of another zone %d",
						busy.Load(), idle.Load(), far.Load())
				}
			}
		})
	}
}

func dialBalancer(t *testing.T, b client.Balancer, all ...resolver.Endpoint) *client.Conn {
	t.Helper()
	servers := manual.NewBuilderWithScheme("servers")
	servers.InitialState(resolver.State{Endpoints: all})
	conn, err := client.Dial("servers:///all", client.WithInsecure(),
		client.WithResolvers(servers), client.WithBalancer(b))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

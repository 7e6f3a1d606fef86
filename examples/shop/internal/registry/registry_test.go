package registry_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/examples/shop/internal/registry"
	"github.com/grpcservice/grpcservice/runtime/client"
)

// serve returns the address of a server that runs until the test ends.
func serve(t *testing.T) string {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	healthpb.RegisterHealthServer(srv, health.NewServer())
	go srv.Serve(lis) // until Stop
	t.Cleanup(srv.Stop)
	return lis.Addr().String()
}

func TestClientsFollowTheRegistry(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	reg, err := registry.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Stop()
	conn, err := client.Dial("registry://"+reg.Addr+"/shop", client.WithInsecure(), client.WithResolvers(registry.Resolver()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reach := func(want string) {
		t.Helper()
		for {
			var at peer.Peer
			_, err := healthpb.NewHealthClient(conn).Check(ctx, new(healthpb.HealthCheckRequest), grpc.Peer(&at), grpc.WaitForReady(true))
			if err != nil {
				t.Fatal(err)
			}
			if at.Addr.String() == want {
				return
			}
		}
	}
	first, second := serve(t), serve(t)
	reg.Add(first)
	reach(first)
	reg.Add(second)
	reach(second)
	reg.Remove(second)
	reg.Stop()
	for range 10 {
		reach(first)
	}
}

func TestRegistryThatIsAway(t *testing.T) {
	reg, err := registry.Start()
	if err != nil {
		t.Fatal(err)
	}
	reg.Stop()
	conn, err := client.Dial("registry://"+reg.Addr+"/shop", client.WithInsecure(), client.WithResolvers(registry.Resolver()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = healthpb.NewHealthClient(conn).Check(t.Context(), new(healthpb.HealthCheckRequest))
	if err == nil || !strings.Contains(err.Error(), `cannot resolve "registry://`+reg.Addr+`/shop": Get "http://`) {
		t.Errorf("got %v", err)
	}
}

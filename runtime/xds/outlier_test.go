package xds_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/xds"
)

// dialAll returns a client of all servers.
func dialAll(t *testing.T, balancer client.Balancer, servers ...*backend) echotest.Client {
	all := manual.NewBuilderWithScheme("all")
	var state resolver.State
	for _, b := range servers {
		state.Endpoints = append(state.Endpoints, endpoint.New(b.addr))
	}
	all.InitialState(state)
	return dial(t, "all:///", client.WithResolvers(all), client.WithBalancer(balancer), client.WithHealthChecks())
}

func quickly(opts ...xds.OutlierOption) client.Balancer {
	return xds.OutlierDetection(client.RoundRobin(), append([]xds.OutlierOption{
		xds.WithInterval(xds.MinInterval), xds.WithEjectionTime(2*time.Second, 2*time.Second),
		xds.WithFailurePercentage(50, 2, 5),
	}, opts...)...)
}

// TestServersThatFailAreEjectedAndTakenBack has a server that reports that it is healthy.
func TestServersThatFailAreEjectedAndTakenBack(t *testing.T) {
	servicetest.NoLeaks(t)
	good, bad, other := startBackend(t), startBackend(t), startBackend(t)
	bad.failWith(status.Error(codes.Internal, "broken"))
	echo := dialAll(t, quickly(), good, bad, other)
	until(t, "30 calls in a row reach the good servers alone", func() bool {
		bad.calls.Store(0)
		for range 30 {
			_ = call(echo)
		}
		return bad.calls.Load() == 0
	})
	bad.fails.Store(nil)
	until(t, "the server gets calls again", func() bool {
		if err := call(echo); err != nil {
			t.Fatal(err)
		}
		return bad.calls.Load() > 0
	})
}

// TestFaultsOfCallersEjectNoServer has a server all of whose calls fail by a fault of the caller,
// which stays, and one that is at fault itself and is ejected in the meantime.
func TestFaultsOfCallersEjectNoServer(t *testing.T) {
	servicetest.NoLeaks(t)
	unlucky, bad, good := startBackend(t), startBackend(t), startBackend(t)
	unlucky.failWith(status.Error(codes.NotFound, "no such book"))
	bad.failWith(status.Error(codes.Unavailable, "broken"))
	echo := dialAll(t, quickly(xds.WithMaxEjected(100)), unlucky, bad, good)
	for range 3 {
		until(t, "only the broken server is ejected", func() bool {
			unlucky.calls.Store(0)
			bad.calls.Store(0)
			for range 30 {
				_ = call(echo)
			}
			if bad.calls.Load() == 0 && unlucky.calls.Load() == 0 {
				t.Fatal("a server is ejected because its callers ask for what does not exist")
			}
			return bad.calls.Load() == 0
		})
	}
}

// TestFailuresCanBeChosen ejects a server for a code that is not a fault by default.
func TestFailuresCanBeChosen(t *testing.T) {
	servicetest.NoLeaks(t)
	full, good := startBackend(t), startBackend(t)
	full.failWith(status.Error(codes.ResourceExhausted, "full"))
	echo := dialAll(t, quickly(xds.WithFailures(codes.ResourceExhausted)), full, good)
	until(t, "the full server is ejected", func() bool {
		full.calls.Store(0)
		for range 20 {
			_ = call(echo)
		}
		return full.calls.Load() == 0
	})
}

func TestBadOptionsOfOutlierDetection(t *testing.T) {
	rr := client.RoundRobin()
	for want, balancer := range map[string]client.Balancer{
		`OutlierDetection("pick_first")`:                  xds.OutlierDetection(client.PickFirst()),
		`OutlierDetection("")`:                            xds.OutlierDetection(client.Balancer{}),
		"WithInterval(1ms)":                               xds.OutlierDetection(rr, xds.WithInterval(time.Millisecond)),
		"WithEjectionTime(0s, 1s)":                        xds.OutlierDetection(rr, xds.WithEjectionTime(0, time.Second)),
		"WithEjectionTime(2s, 1s)":                        xds.OutlierDetection(rr, xds.WithEjectionTime(2*time.Second, time.Second)),
		"WithMaxEjected: 0 is out of range; want 1 to 1":  xds.OutlierDetection(rr, xds.WithMaxEjected(0)),
		"WithFailurePercentage: percent: 100 is out of":   xds.OutlierDetection(rr, xds.WithFailurePercentage(100, 1, 1)),
		"WithFailurePercentage: servers: 0 is out of ran": xds.OutlierDetection(rr, xds.WithFailurePercentage(1, 0, 1)),
		"WithFailurePercentage: calls: -1 is out of rang": xds.OutlierDetection(rr, xds.WithFailurePercentage(1, 1, -1)),
		"WithSuccessRate: deviations: 0 is out of range":  xds.OutlierDetection(rr, xds.WithSuccessRate(0, 1, 1)),
		"WithSuccessRate: servers: 0 is out of range":     xds.OutlierDetection(rr, xds.WithSuccessRate(1, 0, 1)),
		"WithFailures: pass at least one code":            xds.OutlierDetection(rr, xds.WithFailures()),
		"WithFailures: OK is not the code of an error":    xds.OutlierDetection(rr, xds.WithFailures(codes.OK)),
	} {
		_, err := client.Dial("localhost:1", client.WithInsecure(), client.WithBalancer(balancer))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "json") {
			t.Errorf("%s: got %v", want, err)
		}
	}
	conn, err := client.Dial("localhost:1", client.WithInsecure(), client.WithBalancer(xds.OutlierDetection(
		client.LeastRequest(), xds.WithSuccessRate(1.9, 5, 100), xds.WithEjectionTime(time.Second, time.Hour))))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

package xds_test

import (
	"strings"
	"testing"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/xds"
)

// reached reports whether all servers get calls, within as many calls as round robin needs.
func reached(t *testing.T, echo echotest.Client, servers ...*backend) bool {
	t.Helper()
	for _, b := range servers {
		b.calls.Store(0)
	}
	for range 2 * len(servers) {
		if err := call(echo); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range servers {
		if b.calls.Load() == 0 {
			return false
		}
	}
	return true
}

// TestCallsFollowTheControlPlane adds and removes servers, and no call fails.
func TestCallsFollowTheControlPlane(t *testing.T) {
	servicetest.NoLeaks(t)
	one, two, three := startBackend(t), startBackend(t), startBackend(t)
	plane.service(t, "follow", 0, nil)
	plane.servers(t, "follow", one.addr)
	echo := dial(t, "xds:///follow", xds.Client())
	until(t, "the only server is called", func() bool { return reached(t, echo, one) })

	plane.servers(t, "follow", one.addr, two.addr)
	until(t, "the new server is called", func() bool { return reached(t, echo, one, two) })
	plane.servers(t, "follow", two.addr, three.addr)
	until(t, "the other new server is called", func() bool { return reached(t, echo, two, three) })
	until(t, "the server that is gone is not called", func() bool {
		one.calls.Store(0)
		return reached(t, echo, two, three) && one.calls.Load() == 0
	})
}

// TestCallsContinueWithoutAControlPlane has no check for leaks, because the control plane is
// started within it.
func TestCallsContinueWithoutAControlPlane(t *testing.T) {
	one, two, three := startBackend(t), startBackend(t), startBackend(t)
	plane.service(t, "away", 0, nil)
	plane.servers(t, "away", one.addr, two.addr)
	echo := dial(t, "xds:///away", xds.Client())
	until(t, "both servers are called", func() bool { return reached(t, echo, one, two) })
	back := plane.away(t)
	if !reached(t, echo, one, two) {
		t.Error("without a control plane, calls do not reach the servers that are known")
	}
	plane.servers(t, "away", two.addr, three.addr)
	back()
	until(t, "the servers of the meantime are called", func() bool { return reached(t, echo, two, three) })
}

// TestRetriesAreThoseOfTheControlPlane has a policy with retries, which has no effect.
func TestRetriesAreThoseOfTheControlPlane(t *testing.T) {
	for name, retries := range map[string]uint32{"none": 0, "some": 1} {
		t.Run(name, func(t *testing.T) {
			servicetest.NoLeaks(t)
			b := startBackend(t)
			b.failWith(status.Error(codes.Unavailable, "later"))
			plane.service(t, "retry-"+name, retries, nil)
			plane.servers(t, "retry-"+name, b.addr)
			echo := dial(t, "xds:///retry-"+name, xds.Client(), client.WithServiceConfig(echotest.TableWith(echotest.RetryQuickly)))
			if err := call(echo); status.Code(err) != codes.Unavailable {
				t.Fatalf("got %v, want UNAVAILABLE", err)
			}
			if attempts := b.calls.Load(); attempts != int64(1+retries) {
				t.Errorf("%d attempts, want %d", attempts, 1+retries)
			}
		})
	}
}

// TestOutliersOfTheControlPlane ejects a server by the configuration of the cluster.
func TestOutliersOfTheControlPlane(t *testing.T) {
	servicetest.NoLeaks(t)
	good, bad := startBackend(t), startBackend(t)
	bad.failWith(status.Error(codes.Internal, "broken"))
	plane.service(t, "outliers", 0, func(c *cluster.Cluster) {
		c.OutlierDetection = &cluster.OutlierDetection{
			Interval:                       durationpb.New(100 * time.Millisecond),
			BaseEjectionTime:               durationpb.New(2 * time.Second),
			EnforcingSuccessRate:           wrap(0),
			EnforcingFailurePercentage:     wrap(100),
			FailurePercentageThreshold:     wrap(50),
			FailurePercentageMinimumHosts:  wrap(2),
			FailurePercentageRequestVolume: wrap(5),
		}
	})
	plane.servers(t, "outliers", good.addr, bad.addr)
	echo := dial(t, "xds:///outliers", xds.Client())
	until(t, "the broken server is ejected", func() bool {
		bad.calls.Store(0)
		for range 20 {
			_ = call(echo)
		}
		return bad.calls.Load() == 0
	})
}

func TestUnknownServices(t *testing.T) {
	servicetest.NoLeaks(t)
	plane.service(t, "empty", 0, nil)
	plane.servers(t, "empty")
	if err := call(dial(t, "xds:///empty", xds.Client())); status.Code(err) != codes.Unavailable {
		t.Errorf("a service without servers: %v, want UNAVAILABLE", err)
	}
}

func TestOptionsWithoutEffect(t *testing.T) {
	for want, opt := range map[string]client.Option{
		"WithBalancer":     client.WithBalancer(client.LeastRequest()),
		"WithHealthChecks": client.WithHealthChecks(),
		"WithConnections":  client.WithConnections(4),
	} {
		_, err := client.Dial("xds:///any", client.WithInsecure(), xds.Client(), opt)
		if err == nil || !strings.Contains(err.Error(), want+": the control plane decides") {
			t.Errorf("%s: got %v", want, err)
		}
	}
	policy := echotest.Table
	if _, err := client.Dial("xds:///any", client.WithInsecure(), xds.Client(), client.WithServiceConfig(policy)); err != nil {
		t.Errorf("the policies of a service: %v", err)
	}
}

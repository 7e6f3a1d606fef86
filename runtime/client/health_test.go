package client_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// TestServersThatDoNotServeGetNoCalls asks the health service of two servers, and follows when
// their health changes, with each balancer that checks health.
func TestServersThatDoNotServeGetNoCalls(t *testing.T) {
	zoneRoundRobin := client.SameZone("here", client.RoundRobin())
	zoneLeast := client.SameZone("here", client.LeastRequest())
	for name, opts := range map[string][]client.Option{
		"default":                nil,
		"least by policy":        {balanced(policy.Balancing{Policy: policy.LeastRequest})},
		"round_robin":            {client.WithBalancer(client.RoundRobin())},
		"least_request":          {client.WithBalancer(client.LeastRequest())},
		"zone, round_robin":      {client.WithBalancer(zoneRoundRobin)},
		"zone, least_request":    {client.WithBalancer(zoneLeast)},
		"connections":            {client.WithConnections(2)},
		"connections with least": {client.WithConnections(2), client.WithBalancer(client.LeastRequest())},
		"connections with zone":  {client.WithConnections(2), client.WithBalancer(zoneRoundRobin)},
	} {
		t.Run(name, func(t *testing.T) { followsHealth(t, opts) })
	}
}

func followsHealth(t *testing.T, opts []client.Option) {
	servicetest.NoLeaks(t)
	good, goodAddr := listenEcho(t, answer("good"))
	bad, badAddr := listenEcho(t, answer("bad"))
	bad.Health().SetServing("", false)
	opts = append(opts, client.WithHealthChecks())
	conn := echotest.DialAll(t, []string{badAddr, goodAddr}, opts...)
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
	for range 20 {
		resp, err := stub.One(echotest.Context(t), &text{})
		if err != nil || resp.GetValue() != "good" {
			t.Fatalf("got %v, %v", resp, err)
		}
	}
	good.Health().SetServing("", false)
	for ctx := echotest.Context(t); ; {
		_, err := stub.One(ctx, &text{})
		if status.Code(err) == codes.Unavailable {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	bad.Health().SetServing("", true)
	waiting := client.WithCallOptions(echotest.Context(t), grpc.WaitForReady(true))
	if resp, err := stub.One(waiting, &text{}); err != nil || resp.GetValue() != "bad" {
		t.Errorf("got %v, %v", resp, err)
	}
}

// TestHealthChecksNeedABalancer checks that health checks that grpc would not make are an error.
func TestHealthChecksNeedABalancer(t *testing.T) {
	const want = "WithHealthChecks: pick_first does not check the health of servers; " +
		"use RoundRobin or LeastRequest, or remove WithHealthChecks"
	pickFirst := balanced(policy.Balancing{Policy: policy.PickFirst, SameZone: true})
	for name, opts := range map[string][]client.Option{
		"by option":       {client.WithBalancer(client.PickFirst())},
		"by policy":       {pickFirst},
		"by policy, zone": {pickFirst, client.WithZone("here")},
		"same zone":       {client.WithBalancer(client.SameZone("here", client.PickFirst()))},
		"connections":     {client.WithBalancer(client.PickFirst()), client.WithConnections(2)},
	} {
		opts = append(opts, client.WithHealthChecks())
		_, err := client.Dial("localhost:1", append(opts, client.WithInsecure())...)
		if err == nil || strings.Count(err.Error(), want) != 1 {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
		_, err = client.ServiceConfigJSON(opts...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	conn, err := client.Dial("localhost:1", client.WithInsecure(), client.WithHealthChecks(),
		pickFirst, client.WithBalancer(client.RoundRobin())) // the option decides
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

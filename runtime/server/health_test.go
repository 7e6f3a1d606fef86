package server_test

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

func TestHealth(t *testing.T) {
	srv := echotest.Start(t, echotest.Funcs{})
	client := healthpb.NewHealthClient(srv.Conn)
	check := func(service string) healthpb.HealthCheckResponse_ServingStatus {
		t.Helper()
		resp, err := client.Check(echotest.Context(t), &healthpb.HealthCheckRequest{Service: service})
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetStatus()
	}
	if check("") != healthpb.HealthCheckResponse_SERVING || check(echotest.Name) != healthpb.HealthCheckResponse_SERVING {
		t.Error("a server that serves is not serving")
	}
	if _, err := client.Check(echotest.Context(t), &healthpb.HealthCheckRequest{Service: "test.v1.Ekko"}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown service: %v", err)
	}
	srv.Health().SetServing(echotest.Name, false)
	if check("") != healthpb.HealthCheckResponse_SERVING || check(echotest.Name) != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Error("one service that cannot serve must be the only one")
	}
	list, err := client.List(echotest.Context(t), &healthpb.HealthListRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got := list.GetStatuses(); len(got) != 2 || got[echotest.Name].GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("List answered %v", got)
	}
}

func TestHealthWatch(t *testing.T) {
	srv := echotest.Start(t, echotest.Funcs{})
	first, known := watch(t, srv, echotest.Name)
	if first != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("first status %v", first)
	}
	first, unknown := watch(t, srv, "later.v1.Service")
	if first != healthpb.HealthCheckResponse_SERVICE_UNKNOWN {
		t.Errorf("first status of an unknown service %v", first)
	}
	srv.Health().SetServing(echotest.Name, true) // no change, no message
	srv.Health().SetServing(echotest.Name, false)
	srv.Health().SetServing("later.v1.Service", true)
	if next, err := known.Recv(); err != nil || next.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("next status %v, %v", next, err)
	}
	if next, err := unknown.Recv(); err != nil || next.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("next status %v, %v", next, err)
	}
	if err := srv.Stop(); err != nil {
		t.Errorf("open watches kept the shutdown: %v", err)
	}
	srv.Health().SetServing(echotest.Name, true) // too late, and harmless
}

func TestHealthWatchEndsWithItsCaller(t *testing.T) {
	srv := echotest.Start(t, echotest.Funcs{})
	ctx, cancel := context.WithCancel(echotest.Context(t))
	w, err := healthpb.NewHealthClient(srv.Conn).Watch(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Recv(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("the watch ended with %v", err)
	}
	if err := srv.Shutdown(echotest.Context(t)); err != nil {
		t.Error(err)
	}
}

// TestHealthOfItself checks that the health service is serving for as long as it answers, which is
// what a liveness probe asks: a server whose services cannot work is not to be restarted for that.
func TestHealthOfItself(t *testing.T) {
	srv := echotest.Start(t, echotest.Funcs{})
	srv.Health().SetServing("", false)
	srv.Health().SetServing(echotest.Name, false)
	resp, err := healthpb.NewHealthClient(srv.Conn).Check(echotest.Context(t), &healthpb.HealthCheckRequest{Service: healthpb.Health_ServiceDesc.ServiceName})
	if err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("the health service says of itself %v, %v", resp.GetStatus(), err)
	}
}

//go:build !race

package server

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/resource"
)

// TestPermissionAllocations holds what a local decision about a resource costs, and that methods
// without a permission pay nothing.
func TestPermissionAllocations(t *testing.T) {
	table := func(p runtime.Policy) *runtime.Service[healthService] {
		return runtime.NewService("grpc.health.v1.Health", healthpb.File_grpc_health_v1_health_proto,
			runtime.Unary("Check", healthService.check, p))
	}
	allocs := func(p runtime.Policy, service string, want codes.Code, opts ...Option) float64 {
		handler := describe[healthService](newPipeline(newSettings(append([]Option{WithAuthenticator(cachedAuthenticator())}, opts...))),
			table(p), newHealth().onServer()).Methods[0].Handler
		decode := func(req any) error {
			req.(*healthpb.HealthCheckRequest).Service = service
			return nil
		}
		return allocsOfDecoding(t, clientContext(t, "good"), nil, handler, decode, want)
	}
	ada := AuthorizeFunc(func(_ context.Context, access Access, allowed []bool) error {
		for i, name := range access.Resources {
			allowed[i] = access.Principal.ID == "ada" && access.Permission == "health.get" && name == "grpc.health.v1.Health"
		}
		return nil
	})
	plain := runtime.Policy{Auth: &runtime.Auth{}}
	guarded := plain
	guarded.Permission = runtime.Permission{Name: "health.get", Resource: "service"}
	const own = "grpc.health.v1.Health"
	before := allocs(plain, own, codes.OK)
	if got := allocs(plain, own, codes.OK, WithAuthorizer(ada)); got != before {
		t.Errorf("a method without a permission: %v allocations, %v without an authorizer", got, before)
	}
	if got := allocs(guarded, own, codes.OK, WithAuthorizer(ada)); got > before+1 {
		t.Errorf("a method with a permission: %v allocations, %v without; at most 1 more", got, before)
	}
	if got := allocs(guarded, "other", codes.PermissionDenied, WithAuthorizer(ada)); got > before+1 {
		t.Errorf("a forbidden call: %v allocations, a call that is served %v", got, before)
	}
}

// TestGrantsOfAStreamAllocateNothing holds that a stream does not pay for a resource that its
// caller is known to have the permission on.
func TestGrantsOfAStreamAllocateNothing(t *testing.T) {
	known := new(grants)
	g := &guard{policy: runtime.Permission{Name: "health.get", Resource: "service"}}
	var err error
	desc := (&healthpb.HealthCheckRequest{}).ProtoReflect().Descriptor()
	if g.path, err = resource.Find(desc, g.policy); err != nil {
		t.Fatal(err)
	}
	var req proto.Message = &healthpb.HealthCheckRequest{Service: "a"}
	if _, err := g.namesOfNext(known, req); err != nil {
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(100, func() {
		if _, err := g.namesOfNext(known, req); err != nil {
			t.Fatal(err)
		}
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

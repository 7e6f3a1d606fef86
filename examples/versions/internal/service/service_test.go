package service_test

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	usersv1 "github.com/grpcservice/grpcservice/examples/versions/gen/users/v1"
	"github.com/grpcservice/grpcservice/examples/versions/gen/users/v1/usersv1service"
	"github.com/grpcservice/grpcservice/examples/versions/gen/users/v1/usersv1servicetest"
	usersv2 "github.com/grpcservice/grpcservice/examples/versions/gen/users/v2"
	"github.com/grpcservice/grpcservice/examples/versions/gen/users/v2/usersv2service"
	"github.com/grpcservice/grpcservice/examples/versions/gen/users/v2/usersv2servicetest"
	"github.com/grpcservice/grpcservice/examples/versions/internal/service"
	"github.com/grpcservice/grpcservice/examples/versions/internal/users"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

func TestContracts(t *testing.T) {
	usersv1servicetest.CheckUserService(t, service.NewV1(&users.Store{}))
	usersv2servicetest.CheckUserService(t, service.NewV2(&users.Store{}))
}

// One server serves both versions, and what one creates the other returns.
func TestVersionsShareUsers(t *testing.T) {
	store := &users.Store{}
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
		usersv1service.RegisterUserService(r, service.NewV1(store))
		usersv2service.RegisterUserService(r, service.NewV2(store))
	})
	v1, v2 := usersv1service.NewUserServiceClient(conn), usersv2service.NewUserServiceClient(conn)

	old, err := v1.CreateUser(t.Context(), &usersv1.CreateUserRequest{Name: "Ada Lovelace", Email: "ada@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	ada, err := v2.GetUser(t.Context(), &usersv2.GetUserRequest{Name: "users/1"})
	if err != nil {
		t.Fatal(err)
	}
	if old.GetId() != 1 || ada.GetGivenName() != "Ada" || ada.GetFamilyName() != "Lovelace" || ada.Phone != nil {
		t.Errorf("v1 created %v, v2 returns %v", old, ada)
	}

	phone := "555-0100"
	created, err := v2.CreateUser(t.Context(), &usersv2.CreateUserRequest{User: &usersv2.User{GivenName: "Grace", FamilyName: "Hopper", Phone: &phone}})
	if err != nil {
		t.Fatal(err)
	}
	grace, err := v1.GetUser(t.Context(), &usersv1.GetUserRequest{Id: 2})
	if err != nil {
		t.Fatal(err)
	}
	if created.GetName() != "users/2" || created.GetPhone() != phone || grace.GetName() != "Grace Hopper" {
		t.Errorf("v2 created %v, v1 returns %v", created, grace)
	}
}

func TestVersionsReject(t *testing.T) {
	v1 := usersv1servicetest.ServeUserService(t, service.NewV1(&users.Store{}))
	v2 := usersv2servicetest.ServeUserService(t, service.NewV2(&users.Store{}))
	_, unknownV1 := v1.GetUser(t.Context(), &usersv1.GetUserRequest{Id: 7})
	_, unknownV2 := v2.GetUser(t.Context(), &usersv2.GetUserRequest{Name: "users/7"})
	_, noName := v2.GetUser(t.Context(), &usersv2.GetUserRequest{Name: "7"})
	_, namelessV1 := v1.CreateUser(t.Context(), &usersv1.CreateUserRequest{})
	_, namelessV2 := v2.CreateUser(t.Context(), &usersv2.CreateUserRequest{})
	for _, test := range []struct {
		what string
		err  error
		want codes.Code
	}{
		{"v1 unknown", unknownV1, codes.NotFound},
		{"v2 unknown", unknownV2, codes.NotFound},
		{"v2 not a name", noName, codes.InvalidArgument},
		{"v1 nameless", namelessV1, codes.InvalidArgument},
		{"v2 nameless", namelessV2, codes.InvalidArgument},
	} {
		if got := status.Code(test.err); got != test.want {
			t.Errorf("%s: %v, want code %v", test.what, test.err, test.want)
		}
	}
}

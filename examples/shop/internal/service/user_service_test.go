package service_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/validate"
)

// validated makes servers check the rules that the protos have for users, as the program does.
var validated = server.WithValidator(validate.New())

func TestUserServiceContract(t *testing.T) {
	shopv1servicetest.CheckUserService(t, service.NewUserService(), validated)
}

func TestUserLife(t *testing.T) {
	users := shopv1servicetest.ServeUserService(t, service.NewUserService(), validated)
	address := &shopv1.User_Address{Street: "1 Analytical Way", City: "London"}
	ada := create(t, users, &shopv1.CreateUserRequest{Name: "Ada", Email: "ada@example.com", Address: address})
	if ada.GetId() == 0 || ada.GetCreatedAt() == nil || ada.GetRole() != shopv1.UserRole_USER_ROLE_MEMBER {
		t.Errorf("CreateUser left the server's fields open: %v", ada)
	}

	updated, err := users.UpdateUser(t.Context(), &shopv1.UpdateUserRequest{
		User:       &shopv1.User{Id: ada.GetId(), Name: "Ada Lovelace", Role: shopv1.UserRole_USER_ROLE_ADMIN},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"name"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if updated.GetName() != "Ada Lovelace" || updated.GetRole() != ada.GetRole() || updated.GetAddress().GetCity() != "London" {
		t.Errorf("UpdateUser changed what the mask does not name, or not what it names: %v", updated)
	}

	got, err := users.GetUser(t.Context(), &shopv1.GetUserRequest{Id: ada.GetId()})
	if err != nil {
		t.Fatal(err)
	}
	if got.GetName() != "Ada Lovelace" || got.GetEmail() != "ada@example.com" {
		t.Errorf("GetUser = %v", got)
	}

	if _, err := users.DeleteUser(t.Context(), &shopv1.DeleteUserRequest{Id: ada.GetId()}); err != nil {
		t.Fatal(err)
	}
	_, err = users.GetUser(t.Context(), &shopv1.GetUserRequest{Id: ada.GetId()})
	wantCode(t, err, codes.NotFound)
	// The email is free again.
	create(t, users, &shopv1.CreateUserRequest{Name: "Ada", Email: "ada@example.com"})
}

func TestCreateUserRejects(t *testing.T) {
	users := shopv1servicetest.ServeUserService(t, service.NewUserService(), validated)
	create(t, users, &shopv1.CreateUserRequest{Name: "Ada", Email: "ada@example.com"})
	tests := []struct {
		name string
		req  *shopv1.CreateUserRequest
		code codes.Code
	}{
		{"no name", &shopv1.CreateUserRequest{Name: " ", Email: "a@example.com"}, codes.InvalidArgument},
		{"no email", &shopv1.CreateUserRequest{Name: "A"}, codes.InvalidArgument},
		{"email with a name", &shopv1.CreateUserRequest{Name: "A", Email: "A <a@example.com>"}, codes.InvalidArgument},
		{"unknown role", &shopv1.CreateUserRequest{Name: "A", Email: "a@example.com", Role: 99}, codes.InvalidArgument},
		{"too large", &shopv1.CreateUserRequest{Name: strings.Repeat("A", 5000), Email: "a@example.com"}, codes.ResourceExhausted},
		{"taken email", &shopv1.CreateUserRequest{Name: "A", Email: "ADA@example.com"}, codes.AlreadyExists},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := users.CreateUser(t.Context(), test.req)
			wantCode(t, err, test.code)
		})
	}
}

func TestErrorsTellProgramsWhatIsWrong(t *testing.T) {
	users := shopv1servicetest.ServeUserService(t, service.NewUserService(), validated)
	_, err := users.CreateUser(t.Context(), &shopv1.CreateUserRequest{Email: "nowhere"})
	var fields []string
	for _, violation := range rpcerr.FieldViolations(err) {
		fields = append(fields, violation.Field)
	}
	if want := []string{"name", "email"}; !slices.Equal(fields, want) {
		t.Errorf("%v has violations of %v, want %v", err, fields, want)
	}
	_, err = users.GetUser(t.Context(), &shopv1.GetUserRequest{Id: 99})
	if got := rpcerr.ReasonOf(err); got != shopv1service.UserReasonUserUnknown {
		t.Errorf("%v has the reason %q", err, got)
	}
	ada := create(t, users, &shopv1.CreateUserRequest{Name: "Ada", Email: "ada@example.com"})
	_, err = users.CreateUser(t.Context(), &shopv1.CreateUserRequest{Name: "A", Email: ada.GetEmail()})
	if got := rpcerr.ReasonOf(err); got != shopv1service.UserReasonEmailTaken {
		t.Errorf("%v has the reason %q", err, got)
	}
}

func TestUpdateUserRejects(t *testing.T) {
	users := shopv1servicetest.ServeUserService(t, service.NewUserService(), validated)
	ada := create(t, users, &shopv1.CreateUserRequest{Name: "Ada", Email: "ada@example.com"})
	create(t, users, &shopv1.CreateUserRequest{Name: "Grace", Email: "grace@example.com"})
	tests := []struct {
		name string
		user *shopv1.User
		mask string
		code codes.Code
	}{
		{"unknown user", &shopv1.User{Id: 99, Name: "A"}, "name", codes.NotFound},
		{"field that the server sets", &shopv1.User{Id: ada.GetId()}, "created_at", codes.InvalidArgument},
		{"no name", &shopv1.User{Id: ada.GetId()}, "name", codes.InvalidArgument},
		{"taken email", &shopv1.User{Id: ada.GetId(), Email: "grace@example.com"}, "email", codes.AlreadyExists},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			mask := &fieldmaskpb.FieldMask{Paths: []string{test.mask}}
			_, err := users.UpdateUser(t.Context(), &shopv1.UpdateUserRequest{User: test.user, UpdateMask: mask})
			wantCode(t, err, test.code)
		})
	}
}

func TestUpdateUserFreesOldEmail(t *testing.T) {
	users := shopv1servicetest.ServeUserService(t, service.NewUserService(), validated)
	ada := create(t, users, &shopv1.CreateUserRequest{Name: "Ada", Email: "ada@example.com"})
	_, err := users.UpdateUser(t.Context(), &shopv1.UpdateUserRequest{
		User: &shopv1.User{Id: ada.GetId(), Name: "Ada", Email: "lovelace@example.com", Role: ada.GetRole()},
	})
	if err != nil {
		t.Fatal(err)
	}
	create(t, users, &shopv1.CreateUserRequest{Name: "Another Ada", Email: "ada@example.com"})
}

// Of many concurrent callers with one email, one succeeds; the race detector checks the rest.
func TestCreateUserConcurrently(t *testing.T) {
	users := shopv1servicetest.ServeUserService(t, service.NewUserService(), validated)
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = users.CreateUser(t.Context(), &shopv1.CreateUserRequest{Name: fmt.Sprint(i), Email: "one@example.com"})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantCode(t, err, codes.AlreadyExists)
	}
	if won != 1 {
		t.Errorf("%d callers got the email, want 1", won)
	}
}

func create(t *testing.T, users shopv1service.UserService, req *shopv1.CreateUserRequest) *shopv1.User {
	t.Helper()
	user, err := users.CreateUser(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return user
}

func wantCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("code = %v, want %v; error: %v", got, want, err)
	}
}

package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
)

// playUsers takes one user through its life: four unary RPCs, and three errors that they must give.
func playUsers(ctx context.Context, users shopv1service.UserService) error {
	ada := &shopv1.CreateUserRequest{Name: "Ada Lovelace", Email: "ada@example.com"}
	user, err := users.CreateUser(ctx, ada)
	if err != nil {
		return fmt.Errorf("CreateUser: %w", err)
	}
	say("CreateUser", "%s", describe(user))

	_, err = users.CreateUser(ctx, ada)
	if err := expect("CreateUser", err, codes.AlreadyExists); err != nil {
		return err
	}
	_, err = users.CreateUser(ctx, &shopv1.CreateUserRequest{Name: "Nobody", Email: "nowhere"})
	if err := expect("CreateUser", err, codes.InvalidArgument); err != nil {
		return err
	}

	user, err = users.UpdateUser(ctx, &shopv1.UpdateUserRequest{
		User:       &shopv1.User{Id: user.GetId(), Role: shopv1.UserRole_USER_ROLE_ADMIN},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"role"}},
	})
	if err != nil {
		return fmt.Errorf("UpdateUser: %w", err)
	}
	say("UpdateUser", "%s", describe(user))

	user, err = users.GetUser(ctx, &shopv1.GetUserRequest{Id: user.GetId()})
	if err != nil {
		return fmt.Errorf("GetUser: %w", err)
	}
	say("GetUser", "%s", describe(user))

	if _, err := users.DeleteUser(ctx, &shopv1.DeleteUserRequest{Id: user.GetId()}); err != nil {
		return fmt.Errorf("DeleteUser: %w", err)
	}
	say("DeleteUser", "user %d is gone", user.GetId())

	_, err = users.GetUser(ctx, &shopv1.GetUserRequest{Id: user.GetId()})
	return expect("GetUser", err, codes.NotFound)
}

// expect prints the error that an RPC had to give, or fails when it gave another, or none.
func expect(rpc string, err error, code codes.Code) error {
	if got := status.Code(err); got != code {
		return fmt.Errorf("%s: want the code %v, got %v: %w", rpc, code, got, err)
	}
	say(rpc, "%v, as it should: %s", code, status.Convert(err).Message())
	return nil
}

func describe(user *shopv1.User) string {
	return fmt.Sprintf("user %d: %s <%s>, %s", user.GetId(), user.GetName(), user.GetEmail(), user.GetRole())
}

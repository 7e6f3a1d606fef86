package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// playUsers creates, reads, updates and deletes a user with four unary RPCs, and checks their
// errors.
func playUsers(ctx context.Context, users shopv1service.UserService) error {
	ada := &shopv1.CreateUserRequest{Name: "Ada Lovelace", Email: "ada@example.com"}
	user, err := users.CreateUser(ctx, ada)
	if err != nil {
		return fmt.Errorf("CreateUser: %w", err)
	}
	say("CreateUser", "%s", describe(user))

	_, err = users.CreateUser(ctx, ada)
	if err := expect("CreateUser", err, codes.AlreadyExists, shopv1service.UserReasonEmailTaken); err != nil {
		return err
	}
	if err := playViolations(ctx, users); err != nil {
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
	return playEnd(ctx, users, user.GetId())
}

// playViolations sends a request with several mistakes and reads the violations, as a form would to
// display them.
func playViolations(ctx context.Context, users shopv1service.UserService) error {
	_, err := users.CreateUser(ctx, &shopv1.CreateUserRequest{Name: " ", Email: "nowhere"})
	if err := expect("CreateUser", err, codes.InvalidArgument, rpcerr.ReasonInvalidRequest); err != nil {
		return err
	}
	violations := rpcerr.FieldViolations(err)
	for _, violation := range violations {
		say("", "%s: %s", violation.Field, violation.Description)
	}
	if len(violations) != 2 {
		return fmt.Errorf("CreateUser: want 2 violations, got %v", violations)
	}
	return nil
}

// playEnd gets a user, deletes it, and checks that it is gone.
func playEnd(ctx context.Context, users shopv1service.UserService, id int32) error {
	user, err := users.GetUser(ctx, &shopv1.GetUserRequest{Id: id})
	if err != nil {
		return fmt.Errorf("GetUser: %w", err)
	}
	say("GetUser", "%s", describe(user))

	if _, err := users.DeleteUser(ctx, &shopv1.DeleteUserRequest{Id: id}); err != nil {
		return fmt.Errorf("DeleteUser: %w", err)
	}
	say("DeleteUser", "user %d is gone", id)

	_, err = users.GetUser(ctx, &shopv1.GetUserRequest{Id: id})
	return expect("GetUser", err, codes.NotFound, shopv1service.UserReasonUserUnknown)
}

func describe(user *shopv1.User) string {
	return fmt.Sprintf("user %d: %s <%s>, %s", user.GetId(), user.GetName(), user.GetEmail(), user.GetRole())
}

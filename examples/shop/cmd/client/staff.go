package main

import (
	"context"
	"fmt"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
)

// staffFilter selects the users of playStaff.
const staffFilter = `email = "*@staff.example.com"`

// staffNames are the names of the users that playStaff creates.
var staffNames = []string{
	"Alan", "Barbara", "Claude", "Donald", "Edsger", "Frances", "Grace", "Hedy", "Ida", "John", "Katherine", "Leslie",
}

// playStaff creates many users at once, reads them in pages and in batches, and deletes them.
func playStaff(ctx context.Context, users shopv1service.UserService) error {
	staff, err := hire(ctx, users)
	if err != nil {
		return err
	}
	if err := playPages(ctx, users); err != nil {
		return err
	}
	if err := playPageRejections(ctx, users); err != nil {
		return err
	}
	if err := playBatchGets(ctx, users, staff); err != nil {
		return err
	}
	if err := playBatchRejections(ctx, users); err != nil {
		return err
	}
	for _, user := range staff {
		if _, err := users.DeleteUser(ctx, &shopv1.DeleteUserRequest{Id: user.GetId()}); err != nil {
			return fmt.Errorf("DeleteUser: %w", err)
		}
	}
	return nil
}

// hire creates a user for each name, in one call.
func hire(ctx context.Context, users shopv1service.UserService) ([]*shopv1.User, error) {
	req := &shopv1.BatchCreateUsersRequest{}
	for i, name := range staffNames {
		req.Requests = append(req.Requests, newStaff(name, fmt.Sprint(i)))
	}
	resp, err := users.BatchCreateUsers(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("BatchCreateUsers: %w", err)
	}
	say("BatchCreateUsers", "made %d users in one call, or would have made none", len(resp.GetUsers()))
	return resp.GetUsers(), nil
}

func newStaff(name, mailbox string) *shopv1.CreateUserRequest {
	return &shopv1.CreateUserRequest{Name: name, Email: mailbox + "@staff.example.com"}
}

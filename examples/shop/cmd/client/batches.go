package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// nobody is the ID of no user.
const nobody = 1_000_000_000

// counted counts the batch requests. Clients and servers implement the same interface, so it can
// wrap either.
type counted struct {
	shopv1service.UserService
	batches atomic.Int64
}

// BatchGetUsers implements shopv1service.UserService.
func (c *counted) BatchGetUsers(ctx context.Context, req *shopv1.BatchGetUsersRequest) (*shopv1.BatchGetUsersResponse, error) {
	c.batches.Add(1)
	return c.UserService.BatchGetUsers(ctx, req)
}

// playBatchGets gets many users at once, in three ways.
func playBatchGets(ctx context.Context, users shopv1service.UserService, staff []*shopv1.User) error {
	resp, err := users.BatchGetUsers(ctx, &shopv1.BatchGetUsersRequest{UserIds: []int32{staff[0].GetId(), nobody}})
	if err != nil {
		return fmt.Errorf("BatchGetUsers: %w", err)
	}
	say("BatchGetUsers", "found %d user, and not %v", len(resp.GetUsers()), resp.GetNotFound())
	if len(resp.GetUsers()) != 1 || len(resp.GetNotFound()) != 1 {
		return fmt.Errorf("BatchGetUsers: want one user and one id without, got %v", resp)
	}
	if err := playSplit(ctx, users, staff); err != nil {
		return err
	}
	return playLoader(ctx, users, staff)
}

// playSplit gets more users than one call allows.
func playSplit(ctx context.Context, users shopv1service.UserService, staff []*shopv1.User) error {
	req := &shopv1.BatchGetUsersRequest{}
	for i := range 250 {
		req.UserIds = append(req.UserIds, int32(nobody+i))
	}
	for i, user := range staff {
		req.UserIds[i*20] = user.GetId()
	}
	counted := &counted{UserService: users}
	resp, err := shopv1service.UserServiceBatchGetUsers.Split(ctx, counted, req)
	if err != nil {
		return fmt.Errorf("BatchGetUsers: %w", err)
	}
	say("BatchGetUsers", "%d ids took %d calls: %d users, %d ids without", len(req.UserIds), counted.batches.Load(), len(resp.GetUsers()), len(resp.GetNotFound()))
	if len(resp.GetUsers()) != len(staff) || counted.batches.Load() != 3 {
		return fmt.Errorf("BatchGetUsers: want %d users in 3 calls", len(staff))
	}
	return nil
}

// playLoader gets single users in many goroutines, as GraphQL resolvers do.
func playLoader(ctx context.Context, users shopv1service.UserService, staff []*shopv1.User) error {
	counted := &counted{UserService: users}
	loader := shopv1service.UserServiceBatchGetUsers.Loader(ctx, counted, &shopv1.BatchGetUsersRequest{})
	defer loader.Close()
	var wg sync.WaitGroup
	errs := make([]error, len(staff))
	for i, user := range staff {
		wg.Go(func() { _, errs[i] = loader.Get(ctx, user.GetId()) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("BatchGetUsers: %w", err)
		}
	}
	calls := counted.batches.Load()
	say("BatchGetUsers", "%d goroutines got a user each, calls: %d", len(staff), calls)
	if calls >= int64(len(staff)) { // usually one, but goroutines may be late
		return fmt.Errorf("BatchGetUsers: %d gets made %d calls", len(staff), calls)
	}
	return nil
}

// playBatchRejections creates a batch with one invalid user: the server creates none of them, and
// the error names the invalid one.
func playBatchRejections(ctx context.Context, users shopv1service.UserService) error {
	_, err := users.BatchCreateUsers(ctx, &shopv1.BatchCreateUsersRequest{Requests: []*shopv1.CreateUserRequest{
		newStaff("Margaret", "margaret"), newStaff("Niklaus", "no mailbox"),
	}})
	if err := expect("BatchCreateUsers", err, codes.InvalidArgument, rpcerr.ReasonInvalidRequest); err != nil {
		return err
	}
	if violations := rpcerr.FieldViolations(err); len(violations) != 1 || violations[0].Field != "requests[1].email" {
		return fmt.Errorf("BatchCreateUsers: want a violation of requests[1].email, got %v", violations)
	}
	_, err = users.BatchCreateUsers(ctx, &shopv1.BatchCreateUsersRequest{Requests: []*shopv1.CreateUserRequest{
		newStaff("Margaret", "margaret"), newStaff("Another Margaret", "margaret"),
	}})
	if err := expect("BatchCreateUsers", err, codes.AlreadyExists, shopv1service.UserReasonEmailTaken); err != nil {
		return err
	}
	first, err := firstPage(ctx, users, listStaff())
	if err != nil {
		return err
	}
	say("ListUsers", "there are still %d", first.Total)
	if first.Total != int64(len(staffNames)) {
		return fmt.Errorf("BatchCreateUsers: made users although it failed; want %d, got %d", len(staffNames), first.Total)
	}
	return nil
}

package service_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/batch"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

func TestBatchGetUsers(t *testing.T) {
	users := people(t)
	got, err := users.BatchGetUsers(t.Context(), &shopv1.BatchGetUsersRequest{UserIds: []int32{99, 5, 1, 5, 98}})
	if err != nil {
		t.Fatal(err)
	}
	if found := got.GetUsers(); len(found) != 2 || found[1].GetName() != "Grace" || found[5].GetName() != "Barbara" {
		t.Errorf("got the users %v, want 1 and 5", found)
	}
	if want := []int32{99, 98}; !slices.Equal(got.GetNotFound(), want) {
		t.Errorf("not found are %v, want %v", got.GetNotFound(), want)
	}
}

func TestBatchesHaveSizes(t *testing.T) {
	users := people(t)
	_, err := users.BatchGetUsers(t.Context(), &shopv1.BatchGetUsersRequest{})
	wantReason(t, err, codes.InvalidArgument, batch.ReasonEmpty)
	_, err = users.BatchGetUsers(t.Context(), &shopv1.BatchGetUsersRequest{UserIds: make([]int32, 101)})
	wantReason(t, err, codes.InvalidArgument, batch.ReasonTooLarge)
	_, err = users.BatchCreateUsers(t.Context(), &shopv1.BatchCreateUsersRequest{Requests: creations(51)})
	wantReason(t, err, codes.InvalidArgument, batch.ReasonTooLarge)
}

func TestBatchCreateUsersKeepsTheOrder(t *testing.T) {
	users := shopv1servicetest.ServeUserService(t, service.NewUserService(), validated)
	resp, err := users.BatchCreateUsers(t.Context(), &shopv1.BatchCreateUsersRequest{Requests: creations(50)})
	if err != nil {
		t.Fatal(err)
	}
	for i, user := range resp.GetUsers() {
		if user.GetId() != int32(i+1) || user.GetName() != fmt.Sprint(i) {
			t.Errorf("users[%d] = %v", i, user)
		}
	}
	if len(resp.GetUsers()) != 50 {
		t.Errorf("got %d users, want 50", len(resp.GetUsers()))
	}
}

// If one user fails, the whole batch is rolled back, so that the same batch can be sent again
// without the mistake.
func TestBatchCreateUsersAllOrNone(t *testing.T) {
	for _, test := range []struct {
		name  string
		wrong func(*shopv1.CreateUserRequest)
		code  codes.Code
		field string
	}{
		{"a bad field", func(r *shopv1.CreateUserRequest) { r.Email = "nowhere" }, codes.InvalidArgument, "requests[2].email"},
		{"an email of the batch", func(r *shopv1.CreateUserRequest) { r.Email = "0@example.com" }, codes.AlreadyExists, ""},
		{"an email of another user", func(r *shopv1.CreateUserRequest) { r.Email = "ada@example.com" }, codes.AlreadyExists, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			users := shopv1servicetest.ServeUserService(t, service.NewUserService(), validated)
			create(t, users, &shopv1.CreateUserRequest{Name: "Ada", Email: "ada@example.com"})
			requests := creations(4)
			test.wrong(requests[2])
			_, err := users.BatchCreateUsers(t.Context(), &shopv1.BatchCreateUsersRequest{Requests: requests})
			wantCode(t, err, test.code)
			if !strings.Contains(status.Convert(err).Message(), "requests[2]") {
				t.Errorf("%v does not say which user it is about", err)
			}
			if violations := rpcerr.FieldViolations(err); test.field != "" && (len(violations) != 1 || violations[0].Field != test.field) {
				t.Errorf("the violations are %v, want one of %s", violations, test.field)
			}
			if ids, _ := listIDs(t, users, &shopv1.ListUsersRequest{}); len(ids) != 1 {
				t.Errorf("there are the users %v, want one", ids)
			}
			if _, err := users.BatchCreateUsers(t.Context(), &shopv1.BatchCreateUsersRequest{Requests: creations(4)}); err != nil {
				t.Errorf("the batch without its mistake: %v", err)
			}
		})
	}
}

// Of several batches with the same emails one succeeds, and no other leaves a user behind.
func TestBatchCreateUsersConcurrently(t *testing.T) {
	users := shopv1servicetest.ServeUserService(t, service.NewUserService(), validated)
	var wg sync.WaitGroup
	var won atomic.Int32
	for i := range 8 {
		wg.Go(func() {
			requests := creations(10)
			slices.Reverse(requests[i:])
			if _, err := users.BatchCreateUsers(t.Context(), &shopv1.BatchCreateUsersRequest{Requests: requests}); err == nil {
				won.Add(1)
			} else {
				wantCode(t, err, codes.AlreadyExists)
			}
		})
	}
	wg.Wait()
	if ids, _ := listIDs(t, users, &shopv1.ListUsersRequest{}); won.Load() != 1 || len(ids) != 10 {
		t.Errorf("%d batches made %d users, want one and 10", won.Load(), len(ids))
	}
}

// creations returns requests for n users with different emails.
func creations(n int) []*shopv1.CreateUserRequest {
	requests := make([]*shopv1.CreateUserRequest, n)
	for i := range requests {
		requests[i] = &shopv1.CreateUserRequest{Name: fmt.Sprint(i), Email: fmt.Sprintf("%d@example.com", i)}
	}
	return requests
}

func wantReason(t *testing.T, err error, code codes.Code, reason rpcerr.Reason) {
	t.Helper()
	wantCode(t, err, code)
	if got := rpcerr.ReasonOf(err); got != reason {
		t.Errorf("reason = %s, want %s; error: %v", got, reason, err)
	}
}

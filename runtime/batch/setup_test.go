package batch_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/wrapperspb"

	batchv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/batch"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// TestMain keeps the log of panics out of the output.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

// users is what would be generated for a service with a batch of each shape.
type users interface {
	BatchGetUsers(context.Context, *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error)
	BatchCreateUsers(context.Context, *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error)
	BatchLookupUsers(context.Context, *batchv1.LookupUsersRequest) (*batchv1.LookupUsersResponse, error)
	BatchDeleteUsers(context.Context, *batchv1.DeleteUsersRequest) (*batchv1.DeleteUsersResponse, error)
	BatchTexts(context.Context, *batchv1.NestedRequest) (*batchv1.NestedResponse, error)
	BatchCheckUsers(context.Context, *batchv1.CheckUsersRequest) (*batchv1.CheckUsersResponse, error)
}

// limits of all methods: small, so that tests are.
var limits = runtime.Policy{Batch: runtime.Batch{MaxSize: 10, Concurrency: 4}}

var usersTable = runtime.NewService("test.v1.Users", wrapperspb.File_google_protobuf_wrappers_proto,
	runtime.Unary("BatchGetUsers", users.BatchGetUsers, limits),
	runtime.Unary("BatchCreateUsers", users.BatchCreateUsers, limits),
	runtime.Unary("BatchLookupUsers", users.BatchLookupUsers, limits),
	runtime.Unary("BatchDeleteUsers", users.BatchDeleteUsers, limits),
	runtime.Unary("BatchTexts", users.BatchTexts, limits),
	runtime.Unary("BatchCheckUsers", users.BatchCheckUsers, limits),
)

var (
	getUsers = batch.Keyed(usersTable.Methods()[0], users.BatchGetUsers,
		(*batchv1.GetUsersRequest).GetUserIds, (*batchv1.GetUsersResponse).GetUsers,
		batch.Fields{Children: "user_ids", Results: "users", Missing: "not_found", IdempotencyKey: "request_id"})
	createUsers = batch.Ordered(usersTable.Methods()[1], users.BatchCreateUsers,
		(*batchv1.CreateUsersRequest).GetRequests, (*batchv1.CreateUsersResponse).GetUsers,
		batch.Fields{Children: "requests", Results: "users", IdempotencyKey: "request_id", Hoisted: []string{"parent", "validate_only", "fields", "kind"}})
	lookupUsers = batch.PerItem(usersTable.Methods()[2], users.BatchLookupUsers,
		(*batchv1.LookupUsersRequest).GetNames, (*batchv1.LookupUsersResponse).GetItems, (*batchv1.LookupUsersResponse_Item).GetUser,
		batch.Fields{Children: "names", Results: "items", Status: "error", Value: "user"})
	deleteUsers = batch.Done(usersTable.Methods()[3], users.BatchDeleteUsers,
		(*batchv1.DeleteUsersRequest).GetNames, batch.Fields{Children: "names", Hoisted: []string{"parent"}})
	getTexts = batch.Ordered(usersTable.Methods()[4], users.BatchTexts,
		func(req *batchv1.NestedRequest) []string { return req.GetBatch().GetIds() },
		func(resp *batchv1.NestedResponse) []string { return resp.GetAnswer().GetTexts() },
		batch.Fields{Children: "batch.ids", Results: "answer.texts", IdempotencyKey: "header.request_id"})
	checkUsers = batch.PerItem(usersTable.Methods()[5], users.BatchCheckUsers,
		(*batchv1.CheckUsersRequest).GetNames, (*batchv1.CheckUsersResponse).GetItems, (*batchv1.CheckUsersResponse_Item).GetUser,
		batch.Fields{Children: "names", Results: "items", Status: "status", Value: "user"})
)

// funcs are users made of functions.
type funcs struct {
	get    func(context.Context, *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error)
	create func(context.Context, *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error)
	lookup func(context.Context, *batchv1.LookupUsersRequest) (*batchv1.LookupUsersResponse, error)
	remove func(context.Context, *batchv1.DeleteUsersRequest) (*batchv1.DeleteUsersResponse, error)
	texts  func(context.Context, *batchv1.NestedRequest) (*batchv1.NestedResponse, error)
	check  func(context.Context, *batchv1.CheckUsersRequest) (*batchv1.CheckUsersResponse, error)
}

func (f funcs) BatchGetUsers(ctx context.Context, req *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) {
	return f.get(ctx, req)
}

func (f funcs) BatchCreateUsers(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
	return f.create(ctx, req)
}

func (f funcs) BatchLookupUsers(ctx context.Context, req *batchv1.LookupUsersRequest) (*batchv1.LookupUsersResponse, error) {
	return f.lookup(ctx, req)
}

func (f funcs) BatchDeleteUsers(ctx context.Context, req *batchv1.DeleteUsersRequest) (*batchv1.DeleteUsersResponse, error) {
	return f.remove(ctx, req)
}

func (f funcs) BatchTexts(ctx context.Context, req *batchv1.NestedRequest) (*batchv1.NestedResponse, error) {
	return f.texts(ctx, req)
}

func (f funcs) BatchCheckUsers(ctx context.Context, req *batchv1.CheckUsersRequest) (*batchv1.CheckUsersResponse, error) {
	return f.check(ctx, req)
}

// serve serves impl, and returns a client.
func serve(t *testing.T, impl users, opts ...server.Option) users {
	t.Helper()
	rows := echotest.RowsOf(usersTable, servicetest.Serve(t, func(r grpc.ServiceRegistrar) { server.Register[users](r, usersTable, impl) }, opts...))
	return funcs{
		get: func(ctx context.Context, req *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) {
			return client.Unary[batchv1.GetUsersResponse](ctx, rows[0], req)
		},
		create: func(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
			return client.Unary[batchv1.CreateUsersResponse](ctx, rows[1], req)
		},
		lookup: func(ctx context.Context, req *batchv1.LookupUsersRequest) (*batchv1.LookupUsersResponse, error) {
			return client.Unary[batchv1.LookupUsersResponse](ctx, rows[2], req)
		},
		remove: func(ctx context.Context, req *batchv1.DeleteUsersRequest) (*batchv1.DeleteUsersResponse, error) {
			return client.Unary[batchv1.DeleteUsersResponse](ctx, rows[3], req)
		},
		texts: func(ctx context.Context, req *batchv1.NestedRequest) (*batchv1.NestedResponse, error) {
			return client.Unary[batchv1.NestedResponse](ctx, rows[4], req)
		},
	}
}

// user returns the user with an id.
func user(id int32) *batchv1.User { return &batchv1.User{Id: id, Name: fmt.Sprint("user ", id)} }

// users of ids below 100 exist.
func byID(_ context.Context, ids []int32) (map[int32]*batchv1.User, error) {
	found := make(map[int32]*batchv1.User)
	for _, id := range ids {
		if id < 100 {
			found[id] = user(id)
		}
	}
	return found, nil
}

// creations returns requests to create users with the given names.
func creations(names ...string) []*batchv1.CreateUserRequest {
	var requests []*batchv1.CreateUserRequest
	for _, name := range names {
		requests = append(requests, &batchv1.CreateUserRequest{User: &batchv1.User{Name: name}})
	}
	return requests
}

// created returns the users that creations would create.
func created(names ...string) *batchv1.CreateUsersResponse {
	resp := &batchv1.CreateUsersResponse{}
	for _, name := range names {
		resp.Users = append(resp.Users, &batchv1.User{Name: name})
	}
	return resp
}

// numbers returns the text of 0 to n-1.
func numbers(n int) []string {
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprint(i))
	}
	return texts
}

// create creates the user of a request.
func create(_ context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
	return req.GetUser(), nil
}

// same fails the test where two messages, or what else, differ.
func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// fails checks an error: its code, its reason, and the paths of its violations.
func fails(t *testing.T, err error, code codes.Code, reason rpcerr.Reason, fields ...string) {
	t.Helper()
	if got := status.Code(err); got != code {
		t.Errorf("code %v, want %v: %v", got, code, err)
	}
	if got := rpcerr.ReasonOf(err); got != reason {
		t.Errorf("reason %q, want %q", got, reason)
	}
	var got []string
	for _, v := range rpcerr.FieldViolations(err) {
		got = append(got, v.Field)
	}
	if !slices.Equal(got, fields) {
		t.Errorf("violations of %q, want %q", got, fields)
	}
}

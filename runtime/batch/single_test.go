package batch_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
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

// members is what would be generated for a service with a batch beside each single method.
type members interface {
	CreateUser(context.Context, *batchv1.CreateUserRequest) (*batchv1.User, error)
	BatchCreateUsers(context.Context, *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error)
	BatchGetUsers(context.Context, *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error)
	Import(context.Context, *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error)
}

// membersTable returns the table of members where the policies are these.
func membersTable(single, many runtime.Policy) *runtime.Service[members] {
	many.Batch.MaxSize, many.Batch.Concurrency = 10, 4
	return runtime.NewService("test.v1.Members", wrapperspb.File_google_protobuf_wrappers_proto,
		runtime.Unary("CreateUser", members.CreateUser, single),
		runtime.Unary("BatchCreateUsers", members.BatchCreateUsers, many),
		runtime.Unary("BatchGetUsers", members.BatchGetUsers, many),
		runtime.Unary("Import", members.Import, many),
	)
}

// membersServer serves batches, and counts what it has done.
type membersServer struct {
	batches *batch.Method[members, batchv1.CreateUsersRequest, batchv1.CreateUsersResponse, *batchv1.CreateUserRequest, *batchv1.User]
	lookups *batch.Method[members, batchv1.GetUsersRequest, batchv1.GetUsersResponse, int32, *batchv1.User]
	done    atomic.Int64
}

func newMembersServer(table *runtime.Service[members], single string) *membersServer {
	return &membersServer{
		batches: batch.Ordered(table.Methods()[1], members.BatchCreateUsers,
			(*batchv1.CreateUsersRequest).GetRequests, (*batchv1.CreateUsersResponse).GetUsers,
			batch.Fields{Children: "requests", Results: "users", Single: single}),
		lookups: batch.Keyed(table.Methods()[2], members.BatchGetUsers,
			(*batchv1.GetUsersRequest).GetUserIds, (*batchv1.GetUsersResponse).GetUsers,
			batch.Fields{Children: "user_ids", Results: "users", Single: single}),
	}
}

func (s *membersServer) CreateUser(_ context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
	s.done.Add(1)
	return req.GetUser(), nil
}

func (s *membersServer) BatchCreateUsers(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
	return s.batches.Each(ctx, req, s.CreateUser)
}

func (s *membersServer) BatchGetUsers(ctx context.Context, req *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) {
	return s.lookups.Load(ctx, req, func(ctx context.Context, ids []int32) (map[int32]*batchv1.User, error) {
		s.done.Add(int64(len(ids)))
		return byID(ctx, ids)
	})
}

// Import calls the batch as Go code does, without the pipeline.
func (s *membersServer) Import(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
	return s.BatchCreateUsers(ctx, req)
}

// byScopes knows callers by the scopes that they send.
var byScopes = server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
	scopes := metadata.ValueFromIncomingContext(ctx, "scopes")
	if len(scopes) == 0 {
		return nil, nil
	}
	return runtime.NewPrincipal("ada", strings.Fields(scopes[0])...), nil
})

func withScopes(scopes string) context.Context {
	if scopes == "nobody" {
		return context.Background()
	}
	return metadata.AppendToOutgoingContext(context.Background(), "scopes", scopes)
}

// TestBatchGoesByTheScopesOfTheSingleMethod sends batches, which the batch's own policy admits,
// from callers that may not call the single method.
func TestBatchGoesByTheScopesOfTheSingleMethod(t *testing.T) {
	public, known := &runtime.Auth{Public: true}, &runtime.Auth{}
	write := &runtime.Auth{AllOf: []string{"write"}}
	for _, c := range []struct {
		name         string
		single, many *runtime.Auth
		own          bool
		scopes       string
		code         codes.Code
		reason       rpcerr.Reason
	}{
		{"nobody", write, public, false, "nobody", codes.Unauthenticated, rpcerr.ReasonUnauthenticated},
		{"a scope is missing", write, known, false, "read", codes.PermissionDenied, rpcerr.ReasonMissingScope},
		{"a scope of several is missing", &runtime.Auth{AnyOf: []string{"a", "b"}}, known, false, "c", codes.PermissionDenied, rpcerr.ReasonMissingScope},
		{"the scope is there", write, known, false, "read write", codes.OK, ""},
		{"public", public, public, false, "nobody", codes.OK, ""},
		{"nobody may call the other", nil, public, false, "write", codes.PermissionDenied, rpcerr.ReasonNoPolicy},
		{"own policy", write, public, true, "nobody", codes.OK, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			many := runtime.Policy{Auth: c.many, Batch: runtime.Batch{OwnPolicy: c.own}}
			table := membersTable(runtime.Policy{Auth: c.single}, many)
			impl := newMembersServer(table, "CreateUser")
			rows := echotest.RowsOf(table, servicetest.Serve(t, func(r grpc.ServiceRegistrar) { server.Register[members](r, table, impl) },
				server.WithAuthenticator(byScopes)))
			ctx := withScopes(c.scopes)
			_, created := client.Unary[batchv1.CreateUsersResponse](ctx, rows[1], &batchv1.CreateUsersRequest{Requests: creations("a", "b")})
			_, got := client.Unary[batchv1.GetUsersResponse](ctx, rows[2], &batchv1.GetUsersRequest{UserIds: []int32{1, 2}})
			for _, err := range []error{created, got} {
				if status.Code(err) != c.code || rpcerr.ReasonOf(err) != c.reason {
					t.Errorf("%v, reason %s; want %v, %s", err, rpcerr.ReasonOf(err), c.code, c.reason)
				}
			}
			want := int64(4)
			if c.code != codes.OK {
				want = 0
			}
			if n := impl.done.Load(); n != want {
				t.Errorf("%d children were done, want %d", n, want)
			}
		})
	}
}

// TestSingleMethodThatIsNotThere checks that a batch which cannot find it admits nobody.
func TestSingleMethodThatIsNotThere(t *testing.T) {
	table := membersTable(runtime.Policy{}, runtime.Policy{})
	impl := newMembersServer(table, "CreateMember")
	rows := echotest.RowsOf(table, servicetest.Serve(t, func(r grpc.ServiceRegistrar) { server.Register[members](r, table, impl) }))
	_, err := client.Unary[batchv1.CreateUsersResponse](context.Background(), rows[1], &batchv1.CreateUsersRequest{Requests: creations("a")})
	if status.Code(err) != codes.Internal || impl.done.Load() != 0 {
		t.Errorf("%v, %d children were done", err, impl.done.Load())
	}
}

// TestDirectCallsHaveNoPolicy checks that a batch that another method calls goes by the policy of
// that method, as all calls of Go do.
func TestDirectCallsHaveNoPolicy(t *testing.T) {
	table := membersTable(runtime.Policy{Auth: &runtime.Auth{AllOf: []string{"write"}}}, runtime.Policy{Auth: &runtime.Auth{}})
	impl := newMembersServer(table, "CreateUser")
	rows := echotest.RowsOf(table, servicetest.Serve(t, func(r grpc.ServiceRegistrar) { server.Register[members](r, table, impl) },
		server.WithAuthenticator(byScopes)))
	req := &batchv1.CreateUsersRequest{Requests: creations("a")}
	if _, err := client.Unary[batchv1.CreateUsersResponse](withScopes("read"), rows[3], req); err != nil {
		t.Error(err)
	}
	if _, err := impl.BatchCreateUsers(context.Background(), req); err != nil {
		t.Error(err)
	}
}

// TestChildrenAreCheckedAsSingleRequests checks that what the single method does not accept is not
// accepted in a batch, before any child is done.
func TestChildrenAreCheckedAsSingleRequests(t *testing.T) {
	table := membersTable(runtime.Policy{MaxRequestBytes: 50}, runtime.Policy{})
	impl := newMembersServer(table, "CreateUser")
	rows := echotest.RowsOf(table, servicetest.Serve(t, func(r grpc.ServiceRegistrar) { server.Register[members](r, table, impl) }))
	_, err := client.Unary[batchv1.CreateUsersResponse](context.Background(), rows[1],
		&batchv1.CreateUsersRequest{Requests: creations("a", "b", strings.Repeat("c", 51))})
	fails(t, err, codes.ResourceExhausted, rpcerr.ReasonRequestTooLarge)
	if err == nil || !strings.Contains(err.Error(), "requests[2]: ") {
		t.Errorf("%v does not name the child", err)
	}
	if n := impl.done.Load(); n != 0 {
		t.Errorf("%d children were done", n)
	}
}

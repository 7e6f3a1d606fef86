package batch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
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

// guarded is what would be generated for a service whose single methods require permissions.
type guarded interface {
	CreateUser(context.Context, *batchv1.CreateUserRequest) (*batchv1.User, error)
	GetUser(context.Context, *batchv1.User) (*batchv1.User, error)
	BatchCreateUsers(context.Context, *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error)
	BatchDeleteUsers(context.Context, *batchv1.DeleteUsersRequest) (*batchv1.DeleteUsersResponse, error)
	BatchLookupUsers(context.Context, *batchv1.LookupUsersRequest) (*batchv1.LookupUsersResponse, error)
}

// registerGuarded registers the proto of the service, once: permissions need it.
var registerGuarded = sync.OnceValue(func() error {
	method := func(name, in, out string) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{
			Name: &name, InputType: proto.String(".batch.v1." + in), OutputType: proto.String(".batch.v1." + out),
		}
	}
	users := batchv1.File_batch_v1_batch_proto.Path()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("test/v1/guarded.proto"), Package: proto.String("test.v1"), Syntax: proto.String("proto3"),
		Dependency: []string{users},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Guarded"), Method: []*descriptorpb.MethodDescriptorProto{
			method("CreateUser", "CreateUserRequest", "User"), method("GetUser", "User", "User"),
			method("BatchCreateUsers", "CreateUsersRequest", "CreateUsersResponse"),
			method("BatchDeleteUsers", "DeleteUsersRequest", "DeleteUsersResponse"),
			method("BatchLookupUsers", "LookupUsersRequest", "LookupUsersResponse"),
		}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		return err
	}
	return protoregistry.GlobalFiles.RegisterFile(file)
})

// guardedServer serves batches, and counts the items that it has done.
type guardedServer struct {
	table   *runtime.Service[guarded]
	creates *batch.Method[guarded, batchv1.CreateUsersRequest, batchv1.CreateUsersResponse, *batchv1.CreateUserRequest, *batchv1.User]
	deletes *batch.Method[guarded, batchv1.DeleteUsersRequest, batchv1.DeleteUsersResponse, string, *batchv1.DeleteUsersResponse]
	lookups *batch.Method[guarded, batchv1.LookupUsersRequest, batchv1.LookupUsersResponse, string, *batchv1.User]
	done    atomic.Int64
}

func newGuardedServer(create, get, many runtime.Policy) *guardedServer {
	auth := &runtime.Auth{}
	create.Auth, get.Auth, many.Auth = auth, auth, auth
	many.Batch.MaxSize, many.Batch.Concurrency = 10, 4
	s := &guardedServer{table: runtime.NewService("test.v1.Guarded", wrapperspb.File_google_protobuf_wrappers_proto,
		runtime.Unary("CreateUser", guarded.CreateUser, create), runtime.Unary("GetUser", guarded.GetUser, get),
		runtime.Unary("BatchCreateUsers", guarded.BatchCreateUsers, many),
		runtime.Unary("BatchDeleteUsers", guarded.BatchDeleteUsers, many),
		runtime.Unary("BatchLookupUsers", guarded.BatchLookupUsers, many),
	)}
	info := s.table.Methods()
	s.creates = batch.Ordered(info[2], guarded.BatchCreateUsers, (*batchv1.CreateUsersRequest).GetRequests,
		(*batchv1.CreateUsersResponse).GetUsers, batch.Fields{Children: "requests", Results: "users", Single: "CreateUser", Hoisted: []string{"parent"}})
	s.deletes = batch.Done(info[3], guarded.BatchDeleteUsers, (*batchv1.DeleteUsersRequest).GetNames,
		batch.Fields{Children: "names", Single: "GetUser"})
	s.lookups = batch.PerItem(info[4], guarded.BatchLookupUsers, (*batchv1.LookupUsersRequest).GetNames,
		(*batchv1.LookupUsersResponse).GetItems, (*batchv1.LookupUsersResponse_Item).GetUser,
		batch.Fields{Children: "names", Results: "items", Status: "error", Value: "user", Single: "GetUser"})
	return s
}

func (s *guardedServer) CreateUser(_ context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
	s.done.Add(1)
	return req.GetUser(), nil
}

func (s *guardedServer) GetUser(_ context.Context, req *batchv1.User) (*batchv1.User, error) {
	s.done.Add(1)
	return req, nil
}

func (s *guardedServer) BatchCreateUsers(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
	return s.creates.Each(ctx, req, s.CreateUser)
}

func (s *guardedServer) BatchDeleteUsers(ctx context.Context, req *batchv1.DeleteUsersRequest) (*batchv1.DeleteUsersResponse, error) {
	return s.deletes.Each(ctx, req, func(_ context.Context, name string) (*batchv1.DeleteUsersResponse, error) {
		if strings.HasSuffix(name, "missing") {
			return nil, status.Error(codes.NotFound, "row 7")
		}
		s.done.Add(1)
		return &batchv1.DeleteUsersResponse{}, nil
	})
}

func (s *guardedServer) BatchLookupUsers(ctx context.Context, req *batchv1.LookupUsersRequest) (*batchv1.LookupUsersResponse, error) {
	return s.lookups.Each(ctx, req, func(ctx context.Context, name string) (*batchv1.User, error) {
		return s.GetUser(ctx, &batchv1.User{Name: name})
	})
}

// serveGuarded serves s, whose caller servicetest has every permission on names that begin with
// "mine". asked returns the questions since its last call.
func serveGuarded(t *testing.T, s *guardedServer) (rows []*client.Method, asked func() []string) {
	t.Helper()
	if err := registerGuarded(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var questions []string
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) { server.Register[guarded](r, s.table, s) },
		server.WithAuthorizer(server.AuthorizeFunc(func(_ context.Context, access server.Access, allowed []bool) error {
			mu.Lock()
			defer mu.Unlock()
			questions = append(questions, fmt.Sprintf("%s %s %q", access.Principal.ID, access.Permission, access.Resources))
			for i, name := range access.Resources {
				allowed[i] = strings.HasPrefix(name, "mine")
			}
			return nil
		})))
	return echotest.RowsOf(s.table, conn), func() []string {
		mu.Lock()
		defer mu.Unlock()
		taken := questions
		questions = nil
		return taken
	}
}

// requires is a policy that requires a permission.
func requires(p runtime.Permission) runtime.Policy { return runtime.Policy{Permission: p} }

// TestBatchGoesByThePermissionOfTheSingleMethod sends batches with an item that the caller may not
// touch: none is done, and the authorizer is asked once for all items.
func TestBatchGoesByThePermissionOfTheSingleMethod(t *testing.T) {
	create, get := runtime.Permission{Name: "users.create", Resource: "user.name"}, runtime.Permission{Name: "users.get", Resource: "name"}
	elsewhere := runtime.Permission{Name: "users.get", Resource: "id"}
	for name, test := range map[string]struct {
		create, get runtime.Permission
		many        runtime.Policy
		names       []string
		code        codes.Code
		text        string // of the batch of names
		asked       []string
	}{
		"allowed":                            {create, get, runtime.Policy{}, []string{"mine/1", "mine/2"}, codes.OK, "", []string{`servicetest users.create ["mine/1" "mine/2"]`, `servicetest users.get ["mine/1" "mine/2"]`}},
		"one is not":                         {create, get, runtime.Policy{}, []string{"mine/1", "other/2"}, codes.PermissionDenied, "names[1]: the caller lacks the permission users.get on the resource in name", []string{`servicetest users.create ["mine/1" "other/2"]`, `servicetest users.get ["mine/1" "other/2"]`}},
		"one is empty":                       {create, get, runtime.Policy{}, []string{"mine/1", ""}, codes.InvalidArgument, "names[1]", nil},
		"one is long":                        {create, get, runtime.Policy{}, []string{"mine/1", strings.Repeat("mine", 1000)}, codes.InvalidArgument, "names[1]", nil},
		"own policy":                         {create, get, runtime.Policy{Batch: runtime.Batch{OwnPolicy: true}}, []string{"other/1"}, codes.OK, "", nil},
		"no permission of the single method": {runtime.Permission{}, runtime.Permission{}, runtime.Policy{}, []string{"other/1"}, codes.OK, "", nil},
		"hidden":                             {with(create, true), with(get, true), runtime.Policy{}, []string{"mine/1", "other/2"}, codes.NotFound, "the resource was not found", []string{`servicetest users.create ["mine/1" "other/2"]`, `servicetest users.get ["mine/1" "other/2"]`}},
		"IDs of something else":              {runtime.Permission{}, elsewhere, runtime.Policy{}, []string{"mine/1"}, codes.Internal, "internal error", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newGuardedServer(requires(test.create), requires(test.get), test.many)
			rows, asked := serveGuarded(t, s)
			_, created := client.Unary[batchv1.CreateUsersResponse](t.Context(), rows[2], &batchv1.CreateUsersRequest{Requests: creations(test.names...)})
			_, deleted := client.Unary[batchv1.DeleteUsersResponse](t.Context(), rows[3], &batchv1.DeleteUsersRequest{Names: test.names})
			if code := status.Code(created); code != test.code && test.create.Name != "" {
				t.Errorf("requests: %v, want %v", created, test.code)
			}
			if status.Code(deleted) != test.code || !strings.Contains(status.Convert(deleted).Message(), test.text) {
				t.Errorf("IDs: %v, want %v with %q", deleted, test.code, test.text)
			}
			if got := asked(); !slices.Equal(got, test.asked) {
				t.Errorf("asked %q, want %q", got, test.asked)
			}
			if n := s.done.Load(); test.code != codes.OK && test.create.Name != "" && n > 0 {
				t.Errorf("%d items were done", n)
			}
		})
	}
}

func with(p runtime.Permission, hide bool) runtime.Permission {
	p.HideExistence = hide
	return p
}

// TestBatchWithItsOwnPermission holds that the pipeline's question about the items is the only one.
func TestBatchWithItsOwnPermission(t *testing.T) {
	s := newGuardedServer(runtime.Policy{}, requires(runtime.Permission{Name: "users.get", Resource: "name"}),
		requires(runtime.Permission{Name: "users.delete", Resource: "names"}))
	s.table = runtime.NewService("test.v1.Guarded", wrapperspb.File_google_protobuf_wrappers_proto,
		runtime.Unary("GetUser", guarded.GetUser, s.table.Methods()[1].Policy),
		runtime.Unary("BatchDeleteUsers", guarded.BatchDeleteUsers, s.table.Methods()[3].Policy))
	rows, asked := serveGuarded(t, s)
	for want, names := range map[codes.Code][]string{
		codes.OK: {"mine/1", "mine/2"}, codes.PermissionDenied: {"mine/1", "other/2"}, codes.InvalidArgument: {},
	} {
		_, err := client.Unary[batchv1.DeleteUsersResponse](t.Context(), rows[1], &batchv1.DeleteUsersRequest{Names: names})
		if status.Code(err) != want {
			t.Errorf("%q: %v, want %v", names, err, want)
		}
		if got := asked(); len(names) > 0 && !slices.Equal(got, []string{fmt.Sprintf("servicetest users.delete %q", names)}) {
			t.Errorf("%q: asked %q", names, got)
		}
	}
}

// TestBatchHidesTheExistenceOfItems holds that a missing item and a forbidden one have the same
// error, if the single method hides which resources exist.
func TestBatchHidesTheExistenceOfItems(t *testing.T) {
	s := newGuardedServer(runtime.Policy{}, requires(runtime.Permission{Name: "users.get", Resource: "name", HideExistence: true}), runtime.Policy{})
	rows, _ := serveGuarded(t, s)
	var errs []string
	for _, name := range []string{"mine/missing", "other/1"} {
		_, err := client.Unary[batchv1.DeleteUsersResponse](t.Context(), rows[3], &batchv1.DeleteUsersRequest{Names: []string{"mine/1", name}})
		if rpcerr.ReasonOf(err) != rpcerr.ReasonResourceNotFound {
			t.Errorf("%s: %v", name, err)
		}
		errs = append(errs, status.Convert(err).Proto().String())
	}
	if errs[0] != errs[1] {
		t.Errorf("missing   %s\nforbidden %s", errs[0], errs[1])
	}
	_, err := client.Unary[batchv1.LookupUsersResponse](t.Context(), rows[4], &batchv1.LookupUsersRequest{Names: []string{"mine/1"}})
	if status.Code(err) != codes.Internal {
		t.Errorf("a batch whose response shows which items are missing: %v", err)
	}
}

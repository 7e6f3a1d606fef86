package plugin_test

import (
	"strings"
	"testing"
	"text/template"
)

// patternTests is the package that writePatternTests writes.
const patternTests = "./run"

// writePatternTests writes tests of the helpers of the golden cases that have the same service in every syntax, at every level of
// the API.
func writePatternTests(t *testing.T, module goModule) {
	files := map[string]string{"run/messages_test.go": patternMessages}
	for _, level := range []string{"open", "hybrid", "opaque"} {
		for _, syntax := range []string{"proto2", "proto3", "edition2023", "edition2024"} {
			var text strings.Builder
			data := map[string]string{"Level": level, "Syntax": syntax, "Service": capitalize(syntax), "Name": capitalize(level) + capitalize(syntax)}
			if err := template.Must(template.New("").Parse(patternTest)).Execute(&text, data); err != nil {
				t.Fatal(err)
			}
			files["run/"+level+"_"+syntax+"_test.go"] = text.String()
		}
	}
	writeTree(t, module.dir, files)
}

func capitalize(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// patternMessages makes messages of any level of the API.
const patternMessages = `package run

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

type message[M any] interface {
	*M
	proto.Message
}

// parse returns a message of type M.
func parse[M any, P message[M]](text string) *M {
	m := new(M)
	if err := prototext.Unmarshal([]byte(text), P(m)); err != nil {
		panic(err)
	}
	return m
}

// check compares how things print.
func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
`

const patternTest = `package run

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	pb "example.com/pattern_{{.Level}}/{{.Syntax}}"
	svc "example.com/pattern_{{.Level}}/{{.Syntax}}/{{.Syntax}}service"
	svctest "example.com/pattern_{{.Level}}/{{.Syntax}}/{{.Syntax}}servicetest"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/page"
)

type users{{.Name}} struct {
	svc.Unimplemented{{.Service}}
	ops *operation.Manager
}

func user{{.Name}}(id int32) *pb.User { return parse[pb.User](fmt.Sprintf("id: %d", id)) }

func all{{.Name}}() (users []*pb.User) {
	for id := range int32(5) {
		users = append(users, user{{.Name}}(id+1))
	}
	return users
}

func (u *users{{.Name}}) ListUsers(ctx context.Context, req *pb.ListUsersRequest) (*pb.ListUsersResponse, error) {
	return svc.{{.Service}}ListUsers.Serve(ctx, req, page.Slice(all{{.Name}}()), page.WithTotal(func(context.Context) (int64, error) { return 5, nil }))
}

func (u *users{{.Name}}) ListPaged(ctx context.Context, req *pb.ListPagedRequest) (*pb.ListPagedResponse, error) {
	return svc.{{.Service}}ListPaged.Serve(ctx, req, page.Slice(all{{.Name}}()))
}

func (u *users{{.Name}}) BatchGetUsers(ctx context.Context, req *pb.BatchGetUsersRequest) (*pb.BatchGetUsersResponse, error) {
	return svc.{{.Service}}BatchGetUsers.Load(ctx, req, func(_ context.Context, ids []int32) (map[int32]*pb.User, error) {
		found := make(map[int32]*pb.User)
		for _, id := range ids {
			if id < 100 {
				found[id] = user{{.Name}}(id)
			}
		}
		return found, nil
	})
}

func (u *users{{.Name}}) BatchReadUsers(ctx context.Context, req *pb.BatchReadUsersRequest) (*pb.BatchReadUsersResponse, error) {
	return svc.{{.Service}}BatchReadUsers.Each(ctx, req, func(_ context.Context, req *pb.GetUserRequest) (*pb.User, error) {
		if req.GetId() >= 100 {
			return nil, status.Error(codes.NotFound, "no such user")
		}
		return user{{.Name}}(req.GetId()), nil
	})
}

func (u *users{{.Name}}) Start(ctx context.Context, req *pb.StartRequest) (*pb.Operation, error) {
	return svc.{{.Service}}Start.Start(ctx, u.ops, req)
}

func (u *users{{.Name}}) GetOperation(ctx context.Context, req *pb.GetOperationRequest) (*pb.Operation, error) {
	return svc.{{.Service}}GetOperation.Serve(ctx, u.ops, req)
}

func Test{{.Name}}(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ops := operation.NewManager(operation.Memory())
	svc.{{.Service}}Start.Handle(ops, func(context.Context, *operation.Run[pb.StartRequest, anypb.Any]) (*pb.User, error) {
		return user{{.Name}}(7), nil
	})
	done := make(chan error, 1)
	go func() { done <- ops.Run(ctx) }()
	defer func() { cancel(); <-done }()
	client := svctest.Serve{{.Service}}(t, &users{{.Name}}{ops: ops})

	var ids []int32
	for user, err := range svc.{{.Service}}ListUsers.All(ctx, client, parse[pb.ListUsersRequest]("page_size: 2")) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, user.GetId())
	}
	check(t, "ListUsers", ids, []int32{1, 2, 3, 4, 5})
	ids = nil
	for user, err := range svc.{{.Service}}ListPaged.All(ctx, client, parse[pb.ListPagedRequest]("paging {page_size: 3}")) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, user.GetId())
	}
	check(t, "ListPaged", ids, []int32{1, 2, 3, 4, 5})

	got, err := svc.{{.Service}}BatchGetUsers.Split(ctx, client, parse[pb.BatchGetUsersRequest]("user_ids: [1, 100, 2]"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "BatchGetUsers", []any{len(got.GetUsers()), got.GetUsers()[2].GetId(), got.GetNotFound()}, []any{2, 2, []int32{100}})
	read, err := svc.{{.Service}}BatchReadUsers.Split(ctx, client, parse[pb.BatchReadUsersRequest]("requests {id: 1} requests {id: 100}"))
	if err != nil || len(read.GetResults()) != 2 {
		t.Fatal(read, err)
	}
	check(t, "BatchReadUsers", []any{read.GetResults()[0].GetUser().GetId(), read.GetResults()[1].GetError().GetCode()}, []any{1, 5})

	op, err := svc.{{.Service}}Start.Call(ctx, client, svc.{{.Service}}GetOperation.Client(client), parse[pb.StartRequest](""))
	if err != nil {
		t.Fatal(err)
	}
	result, err := op.Wait(ctx, operation.WithInterval(1e7))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "Start", result.GetId(), 7)
}
`

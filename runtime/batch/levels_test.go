package batch_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	hybridv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/hybrid/v1"
	opaquev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/opaque/v1"
	batchv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/batch"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// one is a service of one RPC, over the wire.
type one[Req, Resp any] func(context.Context, *Req) (*Resp, error)

func (f one[Req, Resp]) call(ctx context.Context, req *Req) (*Resp, error) {
	resp, err := f(ctx, wired(req))
	if err != nil {
		return nil, err
	}
	return wired(resp), nil
}

// wired returns what arrives of a message.
func wired[T any](msg *T) *T {
	wire, err := proto.Marshal(any(msg).(proto.Message))
	if err != nil {
		panic(err)
	}
	arrived := new(T)
	if err := proto.Unmarshal(wire, any(arrived).(proto.Message)); err != nil {
		panic(err)
	}
	return arrived
}

// parse returns a message from its text.
func parse[T any](t *testing.T, text string) *T {
	t.Helper()
	msg := new(T)
	if err := prototext.Unmarshal([]byte(text), any(msg).(proto.Message)); err != nil {
		t.Fatal(err)
	}
	return msg
}

// level tests a shape for messages of an API level: a request that is split in two, what the server
// answers, and one get.
func level[Req, Resp any, C comparable, R any](
	t *testing.T, m *batch.Method[one[Req, Resp], Req, Resp, C, R], serve one[Req, Resp], req, want string, get C, got string,
) {
	t.Helper()
	sent := parse[Req](t, req)
	resp, err := m.Split(t.Context(), serve, sent, batch.WithMaxSize(2))
	if err != nil {
		t.Fatal(err)
	}
	same(t, resp, parse[Resp](t, want))
	same(t, sent, parse[Req](t, req))
	result, err := m.Loader(t.Context(), serve, sent).Get(t.Context(), get)
	if err != nil {
		t.Fatal(err)
	}
	if text := any(result).(interface{ String() string }).String(); strings.ReplaceAll(text, "  ", " ") != got {
		t.Errorf("got %s, want %s", text, got)
	}
}

// levelKeyed tests the keyed shape.
func levelKeyed[Req, Resp, User any](t *testing.T, ids func(*Req) []int32, users func(*Resp) map[int32]*User) {
	m := batch.Keyed(runtime.MethodInfo{}, one[Req, Resp].call, ids, users,
		batch.Fields{Children: "user_ids", Results: "users", Missing: "not_found", IdempotencyKey: "request_id"})
	serve := func(ctx context.Context, req *Req) (*Resp, error) {
		return m.Load(ctx, req, func(_ context.Context, ids []int32) (map[int32]*User, error) {
			found := make(map[int32]*User)
			for _, id := range ids {
				if id < 100 {
					found[id] = parse[User](t, `name: "a"`)
				}
			}
			return found, nil
		})
	}
	level(t, m, serve, `user_ids: [1, 100, 1, 2] request_id: "x"`,
		`users {key: 1 value {name: "a"}} users {key: 2 value {name: "a"}} not_found: 100`, 7, `name:"a"`)
}

// levelOrdered tests the ordered shape, with hoisted fields.
func levelOrdered[Req, Resp, Child, User any](t *testing.T, requests func(*Req) []*Child, users func(*Resp) []*User, parent func(*Child) string) {
	m := batch.Ordered(runtime.MethodInfo{}, one[Req, Resp].call, requests, users,
		batch.Fields{Children: "requests", Results: "users", IdempotencyKey: "request_id", Hoisted: []string{"parent", "validate_only"}})
	serve := func(ctx context.Context, req *Req) (*Resp, error) {
		return m.Each(ctx, req, func(_ context.Context, child *Child) (*User, error) {
			return parse[User](t, `name: "`+parent(child)+`"`), nil
		})
	}
	level(t, m, serve, `parent: "p" requests {} requests {parent: "p"} requests {user {id: 1}}`,
		`users {name: "p"} users {name: "p"} users {name: "p"}`, parse[Child](t, ``), `name:"p"`)
	_, err := m.Split(t.Context(), serve, parse[Req](t, `parent: "p" requests {} requests {} requests {parent: "q"}`), batch.WithMaxSize(2))
	fails(t, err, codes.InvalidArgument, batch.ReasonFieldMismatch, "requests[2].parent")
}

// levelPerItem tests the per-item shape.
func levelPerItem[Req, Resp, Item, User any](t *testing.T, names func(*Req) []string, items func(*Resp) []*Item, value func(*Item) *User) {
	m := batch.PerItem(runtime.MethodInfo{}, one[Req, Resp].call, names, items, value,
		batch.Fields{Children: "names", Results: "items", Status: "error", Value: "user"})
	serve := func(ctx context.Context, req *Req) (*Resp, error) {
		return m.Each(ctx, req, func(_ context.Context, name string) (*User, error) {
			if name == "b" {
				return nil, rpcerr.Reason("").Errorf(codes.Aborted, "bad")
			}
			return parse[User](t, `name: "`+name+`"`), nil
		})
	}
	level(t, m, serve, `names: ["a", "b", "c"]`,
		`items {user {name: "a"}} items {error {code: 10 message: "bad"}} items {user {name: "c"}}`, "d", `name:"d"`)
}

// levelDone tests the shape without results.
func levelDone[Req, Resp any](t *testing.T, names func(*Req) []string) {
	m := batch.Done[one[Req, Resp]](runtime.MethodInfo{}, one[Req, Resp].call, names, batch.Fields{Children: "names"})
	serve := func(ctx context.Context, req *Req) (*Resp, error) {
		return m.Each(ctx, req, func(context.Context, string) (*Resp, error) { return new(Resp), nil })
	}
	level(t, m, serve, `names: ["a", "b", "c"]`, ``, "d", ``)
}

// TestAPILevels checks that messages are only read by their getters.
func TestAPILevels(t *testing.T) {
	t.Run("open", func(t *testing.T) {
		levelKeyed(t, (*batchv1.GetUsersRequest).GetUserIds, (*batchv1.GetUsersResponse).GetUsers)
		levelOrdered(t, (*batchv1.CreateUsersRequest).GetRequests, (*batchv1.CreateUsersResponse).GetUsers, (*batchv1.CreateUserRequest).GetParent)
		levelPerItem(t, (*batchv1.LookupUsersRequest).GetNames, (*batchv1.LookupUsersResponse).GetItems, (*batchv1.LookupUsersResponse_Item).GetUser)
		levelDone[batchv1.DeleteUsersRequest, batchv1.DeleteUsersResponse](t, (*batchv1.DeleteUsersRequest).GetNames)
	})
	t.Run("hybrid", func(t *testing.T) {
		levelKeyed(t, (*hybridv1.GetUsersRequest).GetUserIds, (*hybridv1.GetUsersResponse).GetUsers)
		levelOrdered(t, (*hybridv1.CreateUsersRequest).GetRequests, (*hybridv1.CreateUsersResponse).GetUsers, (*hybridv1.CreateUserRequest).GetParent)
		levelPerItem(t, (*hybridv1.LookupUsersRequest).GetNames, (*hybridv1.LookupUsersResponse).GetItems, (*hybridv1.LookupUsersResponse_Item).GetUser)
		levelDone[hybridv1.DeleteUsersRequest, hybridv1.DeleteUsersResponse](t, (*hybridv1.DeleteUsersRequest).GetNames)
	})
	t.Run("opaque", func(t *testing.T) {
		levelKeyed(t, (*opaquev1.GetUsersRequest).GetUserIds, (*opaquev1.GetUsersResponse).GetUsers)
		levelOrdered(t, (*opaquev1.CreateUsersRequest).GetRequests, (*opaquev1.CreateUsersResponse).GetUsers, (*opaquev1.CreateUserRequest).GetParent)
		levelPerItem(t, (*opaquev1.LookupUsersRequest).GetNames, (*opaquev1.LookupUsersResponse).GetItems, (*opaquev1.LookupUsersResponse_Item).GetUser)
		levelDone[opaquev1.DeleteUsersRequest, opaquev1.DeleteUsersResponse](t, (*opaquev1.DeleteUsersRequest).GetNames)
	})
}

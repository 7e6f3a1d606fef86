package batch_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	batchv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/batch"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// The methods again, as ones without side effects.
var (
	reads = func(i int) runtime.MethodInfo {
		info := usersTable.Methods()[i]
		info.Policy.Idempotency = runtime.NoSideEffects
		return info
	}
	readUsers = batch.Keyed(reads(0), users.BatchGetUsers,
		(*batchv1.GetUsersRequest).GetUserIds, (*batchv1.GetUsersResponse).GetUsers,
		batch.Fields{Children: "user_ids", Results: "users", Missing: "not_found"})
	readTexts = batch.Ordered(reads(4), users.BatchTexts,
		func(req *batchv1.NestedRequest) []string { return req.GetBatch().GetIds() },
		func(resp *batchv1.NestedResponse) []string { return resp.GetAnswer().GetTexts() },
		batch.Fields{Children: "batch.ids", Results: "answer.texts", IdempotencyKey: "header.request_id"})
	readItems = batch.PerItem(reads(2), users.BatchLookupUsers,
		(*batchv1.LookupUsersRequest).GetNames, (*batchv1.LookupUsersResponse).GetItems, (*batchv1.LookupUsersResponse_Item).GetUser,
		batch.Fields{Children: "names", Results: "items", Status: "error", Value: "user"})
)

// padded returns a text of so many bytes that begins with another.
func padded(text string, bytes int) string { return text + strings.Repeat("x", bytes-len(text)) }

// Calls have no more bytes than they may, and children one after the other.
func TestSplitCutsByBytes(t *testing.T) {
	names := numbers(25)
	for i, name := range names {
		names[i] = padded(name, 100+10*i)
	}
	names[7] = padded("7", 5000)
	var mu sync.Mutex
	ids := make(map[string]bool)
	calls, alone := 0, 0
	client := funcs{create: func(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
		mu.Lock()
		defer mu.Unlock()
		calls++
		ids[req.GetRequestId()] = true
		if size := proto.Size(req); size > 1000 {
			if alone++; len(req.GetRequests()) > 1 {
				t.Errorf("a call of %d children has %d bytes", len(req.GetRequests()), size)
			}
		}
		if req.GetParent() != "shops/1" {
			t.Errorf("the parent is %q", req.GetParent())
		}
		return createUsers.Each(ctx, req, create)
	}}
	req := &batchv1.CreateUsersRequest{Parent: "shops/1", RequestId: "a", Requests: creations(names...)}
	got, err := createUsers.Split(t.Context(), client, req, batch.WithMaxBytes(1000))
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, created(names...))
	if alone != 1 || len(ids) != calls || calls > 11 {
		t.Errorf("%d calls with %d ids, %d of them too large, want 11 at most with an id each, and one", calls, len(ids), alone)
	}
}

// A request that a server takes by its count alone is split where it would not take it by its
// bytes.
func TestSplitCutsWhatServersDoNotTake(t *testing.T) {
	client := serve(t, funcs{create: func(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
		resp, err := createUsers.Each(ctx, req, func(_ context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
			return &batchv1.User{Name: req.GetUser().GetName()[:1]}, nil
		})
		return resp, err
	}})
	var names []string
	for _, name := range numbers(8) {
		names = append(names, padded(name, 1<<20))
	}
	got, err := createUsers.Split(t.Context(), client, &batchv1.CreateUsersRequest{Requests: creations(names...)})
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, created(numbers(8)...))
}

func TestSplitByBytesNamesTheChild(t *testing.T) {
	names := numbers(9)
	for i, name := range names {
		names[i] = padded(name, 300)
	}
	names[5] = padded("taken", 300)
	client := funcs{create: func(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
		return createUsers.Each(ctx, req, func(_ context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
			if strings.HasPrefix(req.GetUser().GetName(), "taken") {
				return nil, reasonTaken.Errorf(codes.AlreadyExists, "taken").WithViolations(rpcerr.Violation("user.name", "is taken"))
			}
			return req.GetUser(), nil
		})
	}}
	_, err := createUsers.Split(t.Context(), client, &batchv1.CreateUsersRequest{Requests: creations(names...)}, batch.WithMaxBytes(1000))
	fails(t, err, codes.AlreadyExists, reasonTaken, "requests[5].user.name")
}

// wideUsers returns users of 1000 bytes.
func wideUsers(_ context.Context, ids []int32) (map[int32]*batchv1.User, error) {
	found := make(map[int32]*batchv1.User)
	for _, id := range ids {
		if id != 5 {
			found[id] = &batchv1.User{Id: id, Name: padded("user", 1000)}
		}
	}
	return found, nil
}

func TestResponsesThatAreTooLargeAreRejected(t *testing.T) {
	const maxBytes = 3000
	for name, test := range map[string]struct {
		serve func(n int) (proto.Message, error)
		fit   int
	}{
		"keyed": {func(n int) (proto.Message, error) {
			return getUsers.Load(t.Context(), &batchv1.GetUsersRequest{UserIds: []int32{1, 2, 3, 4, 5}[5-n:]}, wideUsers, batch.WithMaxBytes(maxBytes))
		}, 3}, // one of them is missing
		"ordered": {func(n int) (proto.Message, error) {
			return createUsers.Each(t.Context(), &batchv1.CreateUsersRequest{Requests: creations(slices.Repeat([]string{padded("a", 1000)}, n)...)}, create, batch.WithMaxBytes(maxBytes))
		}, 2},
		"nested": {func(n int) (proto.Message, error) {
			return getTexts.Load(t.Context(), nested(numbers(n)...), func(_ context.Context, ids []string) (map[string]string, error) {
				texts := make(map[string]string)
				for _, id := range ids {
					texts[id] = padded(id, 700)
				}
				return texts, nil
			}, batch.WithMaxBytes(maxBytes))
		}, 4},
	} {
		resp, err := test.serve(test.fit)
		if err != nil || proto.Size(resp) > maxBytes {
			t.Errorf("%s: %d children: %d bytes, %v", name, test.fit, proto.Size(resp), err)
		}
		_, err = test.serve(test.fit + 1)
		fails(t, err, codes.ResourceExhausted, batch.ReasonResponseTooLarge)
		if info, _ := rpcerr.Detail[*errdetails.ErrorInfo](err); info.GetMetadata()["maxBytes"] != "3000" || info.GetMetadata()["size"] == "" {
			t.Errorf("%s: got %v", name, info)
		}
	}
}

// What was done for a response that cannot be sent is not committed.
func TestAResponseThatIsTooLargeRollsBack(t *testing.T) {
	db := new(store)
	req := &batchv1.CreateUsersRequest{Requests: creations(padded("a", 1000), padded("b", 1000))}
	_, err := createUsers.Each(t.Context(), req, db.create, batch.WithTx(db.inTx), batch.WithMaxBytes(1500))
	fails(t, err, codes.ResourceExhausted, batch.ReasonResponseTooLarge)
	if db.commits != 0 {
		t.Errorf("%d transactions were committed", db.commits)
	}
	if _, err := createUsers.Each(t.Context(), req, db.create, batch.WithTx(db.inTx), batch.WithMaxBytes(2500)); err != nil || db.commits != 1 {
		t.Errorf("%d transactions were committed, %v", db.commits, err)
	}
}

// lookup finds users of so many bytes as their names say: "large", "small", or fails.
func lookup(_ context.Context, name string) (*batchv1.User, error) {
	switch {
	case strings.HasPrefix(name, "large"):
		return &batchv1.User{Name: padded(name, 2000)}, nil
	case strings.HasPrefix(name, "small"):
		return &batchv1.User{Name: padded(name, 100)}, nil
	}
	return nil, reasonTaken.Errorf(codes.AlreadyExists, "%s", padded(name+" is taken, ", 400)).WithResource("user", padded(name, 400), "")
}

// Items of their own have statuses that fit, and the largest results are left out before others
// are.
func TestItemsAreCutByBytes(t *testing.T) {
	names := []string{"large 1", "small 1", "taken 1", "small 2", "large 2", "taken 2"}
	for name, test := range map[string]struct {
		maxBytes int
		leftOut  []int
		short    bool
	}{
		"everything":                {10_000, nil, false},
		"short statuses":            {5000, nil, true},
		"one large result less":     {3000, []int{0}, true},
		"no large result":           {1500, []int{0, 4}, true},
		"the largest result is one": {1200, []int{0, 4}, true},
	} {
		resp, err := lookupUsers.Each(t.Context(), &batchv1.LookupUsersRequest{Names: names}, lookup, batch.WithMaxBytes(test.maxBytes))
		if err != nil || proto.Size(resp) > test.maxBytes {
			t.Fatalf("%s: %d bytes, %v", name, proto.Size(resp), err)
		}
		var leftOut []int
		for i, item := range resp.GetItems() {
			err := status.FromProto(item.GetError()).Err()
			switch {
			case strings.HasPrefix(names[i], "taken"):
				if status.Code(err) != codes.AlreadyExists || !strings.HasPrefix(status.Convert(err).Message(), names[i]+" is taken") {
					t.Errorf("%s: item %d has %v", name, i, err)
				}
				if short := len(status.Convert(err).Message()) < 100; short != test.short {
					t.Errorf("%s: item %d has a short message: %v", name, i, short)
				}
			case err != nil:
				fails(t, err, codes.ResourceExhausted, batch.ReasonResponseTooLarge)
				leftOut = append(leftOut, i)
			case !strings.HasPrefix(item.GetUser().GetName(), names[i]):
				t.Errorf("%s: item %d is %v", name, i, item)
			}
		}
		if !slices.Equal(leftOut, test.leftOut) {
			t.Errorf("%s: the results %v are left out, want %v", name, leftOut, test.leftOut)
		}
	}
	_, err := lookupUsers.Each(t.Context(), &batchv1.LookupUsersRequest{Names: names}, lookup, batch.WithMaxBytes(100))
	fails(t, err, codes.ResourceExhausted, batch.ReasonResponseTooLarge)
}

// An item with a status of its own kind is cut as well.
func TestItemsWithTheirOwnStatusAreCutByBytes(t *testing.T) {
	resp, err := checkUsers.Each(t.Context(), &batchv1.CheckUsersRequest{Names: []string{"large", "small", "taken"}}, lookup, batch.WithMaxBytes(600))
	if err != nil || proto.Size(resp) > 600 {
		t.Fatalf("%d bytes, %v", proto.Size(resp), err)
	}
	items := resp.GetItems()
	if items[0].GetUser() != nil || codes.Code(items[0].GetStatus().GetCode()) != codes.ResourceExhausted ||
		items[1].GetUser() == nil || items[1].GetStatus() != nil || codes.Code(items[2].GetStatus().GetCode()) != codes.AlreadyExists {
		t.Errorf("got %v", items)
	}
}

// A client asks for less at a time where a response was too large: of a server that says so, and of
// one whose limit is grpc's.
func TestSplitAsksForHalfOfWhatCannotBeSent(t *testing.T) {
	ids := make([]int32, 10)
	for i := range ids {
		ids[i] = int32(i)
	}
	var mu sync.Mutex
	var calls []int
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, n)
	}
	limited := funcs{
		get: func(ctx context.Context, req *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) {
			count(len(req.GetUserIds()))
			return readUsers.Load(ctx, req, wideUsers, batch.WithMaxBytes(3500))
		},
		texts: func(ctx context.Context, req *batchv1.NestedRequest) (*batchv1.NestedResponse, error) {
			count(len(req.GetBatch().GetIds()))
			if len(req.GetBatch().GetIds()) > 3 {
				return nil, status.Error(codes.ResourceExhausted, "grpc: received message larger than max (4096 vs. 3000)")
			}
			return readTexts.Load(ctx, req, text)
		},
		lookup: func(ctx context.Context, req *batchv1.LookupUsersRequest) (*batchv1.LookupUsersResponse, error) {
			count(len(req.GetNames()))
			return readItems.Each(ctx, req, lookup, batch.WithMaxBytes(5000))
		},
	}
	got, err := readUsers.Split(t.Context(), limited, &batchv1.GetUsersRequest{UserIds: ids})
	if err != nil || len(got.GetUsers()) != 9 || !slices.Equal(got.GetNotFound(), []int32{5}) {
		t.Errorf("got %d users and %v, %v", len(got.GetUsers()), got.GetNotFound(), err)
	}
	if slices.Sort(calls); !slices.Equal(calls, []int{2, 2, 3, 3, 5, 5, 10}) {
		t.Errorf("keyed: calls of %v children", calls)
	}
	calls = nil
	texts, err := readTexts.Split(t.Context(), limited, nested(numbers(20)...))
	if err != nil || len(texts.GetAnswer().GetTexts()) != 20 || texts.GetAnswer().GetTexts()[13] != "text 13" {
		t.Errorf("got %v, %v", texts, err)
	}
	if len(calls) != 2*(1+2+4) {
		t.Errorf("ordered: calls of %v children", calls)
	}
	calls = nil
	names := slices.Repeat([]string{"large"}, 8)
	items, err := readItems.Split(t.Context(), limited, &batchv1.LookupUsersRequest{Names: names})
	if err != nil || len(items.GetItems()) != 8 || slices.ContainsFunc(items.GetItems(), func(i *batchv1.LookupUsersResponse_Item) bool { return i.GetUser() == nil }) {
		t.Errorf("got %v, %v", items, err)
	}
	_, err = readTexts.Split(t.Context(), funcs{texts: func(context.Context, *batchv1.NestedRequest) (*batchv1.NestedResponse, error) {
		return nil, status.Error(codes.ResourceExhausted, "grpc: received message larger than max (4096 vs. 3)")
	}}, nested(numbers(5)...))
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("where nothing can be sent: %v", err)
	}
}

// The index of a child that fails is that in the whole request, whatever half it was in.
func TestSplitInHalvesNamesTheChild(t *testing.T) {
	client := funcs{texts: func(ctx context.Context, req *batchv1.NestedRequest) (*batchv1.NestedResponse, error) {
		if len(req.GetBatch().GetIds()) > 2 {
			return nil, batch.ReasonResponseTooLarge.Errorf(codes.ResourceExhausted, "too large")
		}
		return readTexts.Load(ctx, req, text)
	}}
	ids := numbers(18)
	ids[16] = "none"
	_, err := readTexts.Split(t.Context(), client, nested(ids...))
	fails(t, err, codes.NotFound, batch.ReasonNotFound, "batch.ids[16]")
	if message := status.Convert(err).Message(); !strings.HasPrefix(message, "batch.ids[16] ") {
		t.Errorf("message %q", message)
	}
}

// What has side effects may have been done before its response was too large.
func TestSplitRepeatsNoSideEffects(t *testing.T) {
	calls := 0
	_, err := createUsers.Split(t.Context(), funcs{create: func(context.Context, *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
		calls++
		return nil, batch.ReasonResponseTooLarge.Errorf(codes.ResourceExhausted, "too large")
	}}, &batchv1.CreateUsersRequest{Requests: creations("a", "b")})
	fails(t, err, codes.ResourceExhausted, batch.ReasonResponseTooLarge)
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
}

// A loader's calls have no more bytes than they may, and are sent again in halves.
func TestLoadersCutByBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var calls []int
		client := funcs{texts: func(ctx context.Context, req *batchv1.NestedRequest) (*batchv1.NestedResponse, error) {
			mu.Lock()
			calls = append(calls, len(req.GetBatch().GetIds()))
			mu.Unlock()
			if size := proto.Size(req); size > 1000 {
				t.Errorf("a request has %d bytes", size)
			}
			return readTexts.Load(ctx, req, func(_ context.Context, ids []string) (map[string]string, error) {
				texts := make(map[string]string)
				for _, id := range ids {
					texts[id] = padded(id[:1], 1000)
				}
				return texts, nil
			}, batch.WithMaxBytes(2500))
		}}
		loader := readTexts.Loader(t.Context(), client, nil, batch.WithMaxBytes(1000), batch.WithWindow(time.Second))
		var all sync.WaitGroup
		for _, id := range numbers(9) {
			all.Go(func() {
				for range 2 { // the second one shares a place
					if got, err := loader.Get(t.Context(), padded(id, 200)); err != nil || got[:1] != id {
						t.Errorf("got %.5q, %v, want %s", got, err, id)
					}
				}
			})
		}
		all.Wait()
		loader.Close()
		if slices.Sort(calls); slices.Max(calls) != 4 || slices.Min(calls) > 2 {
			t.Errorf("calls of %v children, want 4 at most, and then halves", calls)
		}
	})
}

// A child that is too large for any call is the trouble of those who ask for it.
func TestALoaderSendsALargeChildAlone(t *testing.T) {
	var mu sync.Mutex
	var calls []int
	client := funcs{texts: func(ctx context.Context, req *batchv1.NestedRequest) (*batchv1.NestedResponse, error) {
		mu.Lock()
		calls = append(calls, len(req.GetBatch().GetIds()))
		mu.Unlock()
		if proto.Size(req) > 1000 {
			return nil, errors.New("too large")
		}
		return readTexts.Load(ctx, req, text)
	}}
	loader := readTexts.Loader(t.Context(), client, nil, batch.WithMaxBytes(1000))
	if _, err := loader.GetAll(t.Context(), []string{"a", padded("large", 2000), "b"}); err == nil {
		t.Error("the large one has a result")
	}
	if got, err := loader.GetAll(t.Context(), []string{"a", "b"}); err != nil || !slices.Equal(got, []string{"text a", "text b"}) {
		t.Errorf("got %q, %v", got, err)
	}
	loader.Close()
	if slices.Contains(calls, 3) {
		t.Errorf("calls of %v children", calls)
	}
}

package batch_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	batchv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/v1"
	"github.com/grpcservice/grpcservice/runtime/batch"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// TestSplitJoinsWhatManyCallsAnswer splits over the network, in all shapes.
func TestSplitJoinsWhatManyCallsAnswer(t *testing.T) {
	servicetest.NoLeaks(t)
	var calls atomic.Int32
	lookup := func(_ context.Context, name string) (*batchv1.User, error) {
		if name == "13" {
			return nil, reasonTaken.Errorf(codes.AlreadyExists, "taken")
		}
		return &batchv1.User{Name: name}, nil
	}
	client := serve(t, funcs{
		get: func(ctx context.Context, req *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) {
			calls.Add(1)
			return getUsers.Load(ctx, req, byID)
		},
		create: func(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
			calls.Add(1)
			return createUsers.Each(ctx, req, create)
		},
		lookup: func(ctx context.Context, req *batchv1.LookupUsersRequest) (*batchv1.LookupUsersResponse, error) {
			calls.Add(1)
			return lookupUsers.Each(ctx, req, lookup)
		},
		texts: func(ctx context.Context, req *batchv1.NestedRequest) (*batchv1.NestedResponse, error) {
			calls.Add(1)
			return getTexts.Load(ctx, req, text)
		},
		remove: func(ctx context.Context, req *batchv1.DeleteUsersRequest) (*batchv1.DeleteUsersResponse, error) {
			calls.Add(1)
			return deleteUsers.Each(ctx, req, func(context.Context, string) (*batchv1.DeleteUsersResponse, error) {
				return &batchv1.DeleteUsersResponse{}, nil
			})
		},
	})
	names := numbers(35)
	var items []*batchv1.LookupUsersResponse_Item
	for _, name := range names {
		u, err := lookup(t.Context(), name)
		item := &batchv1.LookupUsersResponse_Item{Result: &batchv1.LookupUsersResponse_Item_User{User: u}}
		if err != nil {
			item.Result = &batchv1.LookupUsersResponse_Item_Error{Error: rpcerr.PublicStatus(err).Proto()}
		}
		items = append(items, item)
	}
	texts, _ := getTexts.Load(t.Context(), nested(names[:10]...), text)
	for _, name := range names[10:] {
		texts.Answer.Texts = append(texts.Answer.Texts, "text "+name)
	}
	keyed := &batchv1.GetUsersResponse{Users: make(map[int32]*batchv1.User)}
	var ids []int32
	for id := int32(70); id < 105; id++ {
		ids = append(ids, id)
		if id < 100 {
			keyed.Users[id] = user(id)
		} else {
			keyed.NotFound = append(keyed.NotFound, id)
		}
	}
	for _, c := range []struct {
		name  string
		split func(ctx context.Context) (proto.Message, error)
		want  proto.Message
		calls int32
	}{
		{"keyed", func(ctx context.Context) (proto.Message, error) {
			return getUsers.Split(ctx, client, &batchv1.GetUsersRequest{UserIds: slices.Concat(ids, ids, ids)})
		}, keyed, 4},
		{"ordered", func(ctx context.Context) (proto.Message, error) {
			return createUsers.Split(ctx, client, &batchv1.CreateUsersRequest{Requests: creations(names...)})
		}, created(names...), 4},
		{"per item", func(ctx context.Context) (proto.Message, error) {
			return lookupUsers.Split(ctx, client, &batchv1.LookupUsersRequest{Names: names})
		}, &batchv1.LookupUsersResponse{Items: items}, 4},
		{"done", func(ctx context.Context) (proto.Message, error) {
			return deleteUsers.Split(ctx, client, &batchv1.DeleteUsersRequest{Names: names})
		}, &batchv1.DeleteUsersResponse{}, 4},
		{"nested", func(ctx context.Context) (proto.Message, error) {
			return getTexts.Split(ctx, client, nested(names...), batch.WithMaxSize(7), batch.WithConcurrency(1))
		}, texts, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls.Store(0)
			resp, err := c.split(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			same(t, resp, c.want)
			if calls.Load() != c.calls {
				t.Errorf("%d calls, want %d", calls.Load(), c.calls)
			}
		})
	}
}

// TestASmallRequestIsNotSplit checks that it is sent as it is, even without children: the server
// knows what that means.
func TestASmallRequestIsNotSplit(t *testing.T) {
	for _, ids := range [][]int32{nil, {1}, {1, 1, 2, 3, 4, 5, 6, 7, 8, 9}} {
		req := &batchv1.GetUsersRequest{UserIds: ids, RequestId: "a"}
		want := &batchv1.GetUsersResponse{}
		resp, err := getUsers.Split(t.Context(), funcs{get: func(_ context.Context, got *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) {
			if got != req {
				t.Error("the request was copied")
			}
			return want, nil
		}}, req)
		if resp != want || err != nil {
			t.Errorf("got %v, %v", resp, err)
		}
	}
}

// TestSplitIsBounded counts the calls at a time, and how many are made after one has failed.
func TestSplitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls, running, most atomic.Int32
		client := funcs{create: func(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
			calls.Add(1)
			defer running.Add(-1)
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Second):
			}
			if req.GetRequests()[0].GetUser().GetName() == "20" {
				return nil, errors.New("down")
			}
			return createUsers.Each(ctx, req, create)
		}}
		_, err := createUsers.Split(t.Context(), client, &batchv1.CreateUsersRequest{Requests: creations(numbers(100)...)}, batch.WithConcurrency(2))
		if err == nil || most.Load() != 2 || calls.Load() > 4 {
			t.Errorf("%d calls, %d at a time: %v", calls.Load(), most.Load(), err)
		}
	})
}

// TestSplitsErrorsHaveTheIndexesOfTheWholeRequest fails a child of the third part, as the server of
// a part would.
func TestSplitsErrorsHaveTheIndexesOfTheWholeRequest(t *testing.T) {
	cause := errors.New("the cause")
	client := funcs{
		create: func(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
			return createUsers.Each(ctx, req, func(_ context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
				switch req.GetUser().GetName() {
				case "23", "25", "34":
					return nil, reasonTaken.Errorf(codes.AlreadyExists, "taken").WithViolations(rpcerr.Violation("user.name", "is taken")).WithCause(cause)
				}
				return req.GetUser(), nil
			})
		},
		get: func(ctx context.Context, req *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) {
			return getUsers.Each(ctx, req, func(_ context.Context, id int32) (*batchv1.User, error) {
				if id == 1 {
					return nil, cause
				}
				return user(id), nil
			})
		},
	}
	_, err := createUsers.Split(t.Context(), client, &batchv1.CreateUsersRequest{Requests: creations(numbers(40)...)})
	fails(t, err, codes.AlreadyExists, reasonTaken, "requests[23].user.name")
	if got, want := rpcerr.PublicStatus(err).Message(), "requests[23]: taken"; got != want || !errors.Is(err, cause) {
		t.Errorf("%q, want %q: %v", got, want, err)
	}
	if info, _ := rpcerr.Detail[*errdetails.ErrorInfo](err); info.GetMetadata()["index"] != "23" {
		t.Errorf("got %v", info)
	}
	// The 11th id is the 21st of the request, as the first ones are there twice.
	ids := []int32{20, 21, 22, 23, 24, 25, 26, 27, 28, 29}
	_, err = getUsers.Split(t.Context(), client, &batchv1.GetUsersRequest{UserIds: append(slices.Concat(ids, ids), 1)})
	if got, want := rpcerr.PublicStatus(err).Message(), "user_ids[20]: unknown error"; got != want {
		t.Errorf("%q, want %q: %v", got, want, err)
	}
}

// TestSplitLeavesErrorsOfTheWholeCallAsTheyAre checks that what has no index gets none.
func TestSplitLeavesErrorsOfTheWholeCallAsTheyAre(t *testing.T) {
	want := rpcerr.Reason("example.com/DENIED").Errorf(codes.PermissionDenied, "denied").WithMetadata("index", "books").
		WithViolations(rpcerr.Violation("parent", "is private"), rpcerr.Violation("requests", "are private"), rpcerr.Violation("requests[x]", "is odd"))
	_, err := createUsers.Split(t.Context(), funcs{
		create: func(context.Context, *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
			return nil, want
		},
	}, &batchv1.CreateUsersRequest{Requests: creations(numbers(40)...)})
	same(t, rpcerr.PublicStatus(err).Proto(), want.GRPCStatus().Proto())
}

// TestSplitsErrorsAreWholeForTheCallerOnly checks that a program that splits a batch reads the
// status that the server sent, and that it does not tell its own callers that the server rejects
// its credentials.
func TestSplitsErrorsAreWholeForTheCallerOnly(t *testing.T) {
	client := serve(t, funcs{
		get: func(context.Context, *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) {
			return nil, reasonTaken.Errorf(codes.Unauthenticated, "user_ids[1]: log in")
		},
	})
	_, err := getUsers.Split(t.Context(), client, &batchv1.GetUsersRequest{UserIds: []int32{1, 2, 3, 4}}, batch.WithMaxSize(2))
	if st := status.Convert(err); st.Code() != codes.Unauthenticated || rpcerr.ReasonOf(err) != reasonTaken {
		t.Errorf("the program that splits the batch gets %v", err)
	}
	if st := rpcerr.PublicStatus(err); st.Code() != codes.Internal || rpcerr.ReasonOf(st.Err()) != rpcerr.ReasonUpstreamFailed {
		t.Errorf("its callers get %v", st)
	}
}

// TestSplitsIdempotencyKeys checks that each call has one of its own, in the form of a UUID, and
// that a repetition has the same.
func TestSplitsIdempotencyKeys(t *testing.T) {
	uuid4 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	split := func(id string) []string {
		var mu sync.Mutex
		ids := make(map[string]string) // by the first child
		_, err := createUsers.Split(t.Context(), funcs{
			create: func(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
				if req.GetParent() != "shops/1" {
					t.Errorf("the parent is %q", req.GetParent())
				}
				mu.Lock()
				defer mu.Unlock()
				ids[req.GetRequests()[0].GetUser().GetName()] = req.GetRequestId()
				return createUsers.Each(ctx, req, create)
			},
		}, &batchv1.CreateUsersRequest{Parent: "shops/1", RequestId: id, Requests: creations(numbers(25)...)})
		if err != nil {
			t.Fatal(err)
		}
		return []string{ids["0"], ids["10"], ids["20"]}
	}
	got := split("3b9f5ab1-0000-4000-8000-000000000000")
	for i, id := range got {
		if !uuid4.MatchString(id) || slices.Contains(got[:i], id) {
			t.Errorf("ids %q", got)
		}
	}
	same(t, split("3b9f5ab1-0000-4000-8000-000000000000"), got)
	same(t, split("3B9F5AB1-0000-4000-8000-000000000000"), got) // the same UUID
	if other := split("3b9f5ab1-0000-4000-8000-000000000001"); slices.Contains(got, other[0]) {
		t.Errorf("another request has the id %q too", other[0])
	}
	same(t, split(""), []string{"", "", ""})
}

// TestIdempotencyKeysMayBeInAnotherMessage checks that it is copied, as the others are in use.
func TestIdempotencyKeysMayBeInAnotherMessage(t *testing.T) {
	req := nested(numbers(20)...)
	req.Header = &batchv1.NestedRequest_Header{RequestId: "a"}
	before := proto.Clone(req)
	var ids sync.Map
	client := funcs{texts: func(ctx context.Context, part *batchv1.NestedRequest) (*batchv1.NestedResponse, error) {
		if part.GetHeader() == req.GetHeader() {
			t.Error("the header is shared")
		}
		ids.Store(part.GetHeader().GetRequestId(), nil)
		return getTexts.Load(ctx, part, text)
	}}
	if _, err := getTexts.Split(t.Context(), client, req); err != nil {
		t.Fatal(err)
	}
	if _, err := getTexts.Split(t.Context(), client, nested(numbers(20)...)); err != nil {
		t.Fatal(err)
	}
	if _, err := getTexts.Loader(t.Context(), client, req).Get(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	same(t, req, before)
	var got []string
	for id := range ids.Range {
		got = append(got, id.(string))
	}
	slices.Sort(got)
	if len(got) != 3 || got[0] != "" || slices.Contains(got, "a") {
		t.Errorf("ids %q", got)
	}
}

// TestAServerThatDropsResultsIsFound checks that nobody gets the result of another child.
func TestAServerThatDropsResultsIsFound(t *testing.T) {
	client := funcs{
		create: func(_ context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
			return created(numbers(len(req.GetRequests()) - 1)...), nil
		},
		lookup: func(context.Context, *batchv1.LookupUsersRequest) (*batchv1.LookupUsersResponse, error) {
			return &batchv1.LookupUsersResponse{}, nil
		},
	}
	for _, n := range []int{3, 30} {
		_, err := createUsers.Split(t.Context(), client, &batchv1.CreateUsersRequest{Requests: creations(numbers(n)...)})
		fails(t, err, codes.Internal, rpcerr.ReasonInternal)
		_, err = lookupUsers.Split(t.Context(), client, &batchv1.LookupUsersRequest{Names: numbers(n)})
		fails(t, err, codes.Internal, rpcerr.ReasonInternal)
	}
}

// TestSplitLeavesMessagesAsTheyAre checks this for the request, and for responses that a service in
// the same program keeps.
func TestSplitLeavesMessagesAsTheyAre(t *testing.T) {
	req := nested(numbers(20)...)
	reqBefore := proto.Clone(req)
	kept := &batchv1.NestedResponse{Etag: "x", Answer: &batchv1.NestedResponse_Answer{Texts: numbers(10)}}
	keptBefore := proto.Clone(kept)
	resp, err := getTexts.Split(t.Context(), funcs{
		texts: func(context.Context, *batchv1.NestedRequest) (*batchv1.NestedResponse, error) { return kept, nil },
	}, req)
	if err != nil || len(resp.GetAnswer().GetTexts()) != 20 || resp.GetEtag() != "x" {
		t.Errorf("got %v, %v", resp, err)
	}
	same(t, req, reqBefore)
	same(t, kept, keptBefore)
}

// TestSplitKeepsTheFirstOfWhatCannotGrow checks that fields that are no lists are those of the
// first part that has them.
func TestSplitKeepsTheFirstOfWhatCannotGrow(t *testing.T) {
	resp, err := getTexts.Split(t.Context(), funcs{
		texts: func(_ context.Context, req *batchv1.NestedRequest) (*batchv1.NestedResponse, error) {
			resp := &batchv1.NestedResponse{Answer: &batchv1.NestedResponse_Answer{Texts: req.GetBatch().GetIds()}}
			if first := req.GetBatch().GetIds()[0]; first != "0" {
				resp.Etag = first
			}
			return resp, nil
		},
	}, nested(numbers(30)...))
	if err != nil || resp.GetEtag() != "10" {
		t.Errorf("got %q, %v", resp.GetEtag(), err)
	}
	same(t, resp.GetAnswer().GetTexts(), numbers(30))
}

// TestSplitSurvivesAPanic checks this for services in the same program.
func TestSplitSurvivesAPanic(t *testing.T) {
	_, err := getTexts.Split(t.Context(), funcs{
		texts: func(context.Context, *batchv1.NestedRequest) (*batchv1.NestedResponse, error) { panic("secret") },
	}, nested(numbers(20)...))
	fails(t, err, codes.Internal, rpcerr.ReasonInternal)
	if status.Convert(err).Message() != "internal error" {
		t.Errorf("got %v", err)
	}
}

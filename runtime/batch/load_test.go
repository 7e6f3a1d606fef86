package batch_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	batchv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/batch"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// text returns a text for each id but "none".
func text(_ context.Context, ids []string) (map[string]string, error) {
	texts := make(map[string]string)
	for _, id := range ids {
		if id != "none" {
			texts[id] = "text " + id
		}
	}
	return texts, nil
}

func nested(ids ...string) *batchv1.NestedRequest {
	return &batchv1.NestedRequest{Batch: &batchv1.NestedRequest_Batch{Ids: ids}}
}

func TestLoadKeepsTheOrderAndRepeatsWhatIsThereTwice(t *testing.T) {
	var asked []string
	resp, err := getTexts.Load(t.Context(), nested("b", "a", "b", "c", "a"), func(ctx context.Context, ids []string) (map[string]string, error) {
		asked = ids
		return text(ctx, ids)
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, asked, []string{"b", "a", "c"})
	same(t, resp.GetAnswer().GetTexts(), []string{"text b", "text a", "text b", "text c", "text a"})
}

func TestLoadOfAnOrderedBatchNamesWhatIsMissing(t *testing.T) {
	_, err := getTexts.Load(t.Context(), nested("a", "none", "b", "none"), text)
	fails(t, err, codes.NotFound, batch.ReasonNotFound, "batch.ids[1]", "batch.ids[3]")
	info, _ := rpcerr.Detail[*errdetails.ErrorInfo](err)
	resource, _ := rpcerr.Detail[*errdetails.ResourceInfo](err)
	if info.GetMetadata()["index"] != "1" || resource.GetResourceName() != "none" {
		t.Errorf("got %v, %v", info, resource)
	}
	if got, want := status.Convert(err).Message(), "batch.ids[1] was not found, and 1 more"; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
}

func TestLoadOfAKeyedBatchListsWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		name string
		ids  []int32
		want *batchv1.GetUsersResponse
	}{
		{"all there", []int32{2, 1}, &batchv1.GetUsersResponse{Users: map[int32]*batchv1.User{1: user(1), 2: user(2)}}},
		{"some missing", []int32{101, 2, 100, 2, 101}, &batchv1.GetUsersResponse{Users: map[int32]*batchv1.User{2: user(2)}, NotFound: []int32{101, 100}}},
		{"all missing", []int32{100}, &batchv1.GetUsersResponse{NotFound: []int32{100}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, err := getUsers.Load(t.Context(), &batchv1.GetUsersRequest{UserIds: c.ids}, byID)
			if err != nil {
				t.Fatal(err)
			}
			same(t, resp, c.want)
		})
	}
}

func TestResultsNeedNotBeMessages(t *testing.T) {
	method := batch.Ordered[any](runtime.MethodInfo{}, nil, (*batchv1.GetKindsRequest).GetUserIds, (*batchv1.GetKindsResponse).GetKinds,
		batch.Fields{Children: "user_ids", Results: "kinds"})
	resp, err := method.Each(t.Context(), &batchv1.GetKindsRequest{UserIds: []int32{2, 0, 1}},
		func(_ context.Context, id int32) (batchv1.Kind, error) { return batchv1.Kind(id), nil })
	if err != nil {
		t.Fatal(err)
	}
	same(t, resp.GetKinds(), []batchv1.Kind{2, 0, 1})
}

// TestNilIsNotFound checks that a map whose values were made before the query answers as one
// without them.
func TestNilIsNotFound(t *testing.T) {
	resp, err := getUsers.Load(t.Context(), &batchv1.GetUsersRequest{UserIds: []int32{1, 2}},
		func(context.Context, []int32) (map[int32]*batchv1.User, error) {
			return map[int32]*batchv1.User{1: nil, 2: user(2), 3: user(3)}, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	same(t, resp, &batchv1.GetUsersResponse{Users: map[int32]*batchv1.User{2: user(2)}, NotFound: []int32{1}})
}

func TestLoadPerItemGivesWhatIsMissingAStatus(t *testing.T) {
	resp, err := lookupUsers.Load(t.Context(), &batchv1.LookupUsersRequest{Names: []string{"a", "b", "a"}},
		func(context.Context, []string) (map[string]*batchv1.User, error) {
			return map[string]*batchv1.User{"a": user(1)}, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	same(t, resp.GetItems()[0].GetUser(), user(1))
	same(t, resp.GetItems()[2].GetUser(), user(1))
	fails(t, status.FromProto(resp.GetItems()[1].GetError()).Err(), codes.NotFound, batch.ReasonNotFound)
}

func TestLoadOfADoneBatchAnswersNothing(t *testing.T) {
	remove := func(_ context.Context, names []string) (map[string]*batchv1.DeleteUsersResponse, error) {
		removed := make(map[string]*batchv1.DeleteUsersResponse)
		for _, name := range names[1:] {
			removed[name] = &batchv1.DeleteUsersResponse{}
		}
		return removed, nil
	}
	_, err := deleteUsers.Load(t.Context(), &batchv1.DeleteUsersRequest{Names: []string{"a", "b", "a"}}, remove)
	fails(t, err, codes.NotFound, batch.ReasonNotFound, "names[0]", "names[2]")
}

// TestLoadsSliceIsItsOwn checks that load may sort what it gets.
func TestLoadsSliceIsItsOwn(t *testing.T) {
	req := nested("b", "a")
	resp, err := getTexts.Load(t.Context(), req, func(ctx context.Context, ids []string) (map[string]string, error) {
		ids[0], ids[1] = ids[1], ids[0]
		return text(ctx, ids)
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, resp.GetAnswer().GetTexts(), []string{"text b", "text a"})
	same(t, req, nested("b", "a"))
}

func TestLoadFailsWithItsFunction(t *testing.T) {
	failed := errors.New("failed")
	_, err := getUsers.Load(t.Context(), &batchv1.GetUsersRequest{UserIds: []int32{1}},
		func(context.Context, []int32) (map[int32]*batchv1.User, error) { return nil, failed })
	if err != failed {
		t.Errorf("got %v", err)
	}
}

// TestSizes checks for Load and Each what requests are rejected for.
func TestSizes(t *testing.T) {
	ids := make([]int32, 11)
	for i := range ids {
		ids[i] = int32(i)
	}
	called := 0
	serve := map[string]func(req *batchv1.GetUsersRequest) error{
		"Load": func(req *batchv1.GetUsersRequest) error {
			_, err := getUsers.Load(t.Context(), req, func(ctx context.Context, ids []int32) (map[int32]*batchv1.User, error) {
				called++
				return byID(ctx, ids)
			})
			return err
		},
		"Each": func(req *batchv1.GetUsersRequest) error {
			_, err := getUsers.Each(t.Context(), req, func(_ context.Context, id int32) (*batchv1.User, error) {
				called++
				return user(id), nil
			}, batch.WithConcurrency(1))
			return err
		},
	}
	for name, serve := range serve {
		t.Run(name, func(t *testing.T) {
			fails(t, serve(&batchv1.GetUsersRequest{}), codes.InvalidArgument, batch.ReasonEmpty, "user_ids")
			fails(t, serve(nil), codes.InvalidArgument, batch.ReasonEmpty, "user_ids")
			err := serve(&batchv1.GetUsersRequest{UserIds: ids})
			fails(t, err, codes.InvalidArgument, batch.ReasonTooLarge, "user_ids")
			info, _ := rpcerr.Detail[*errdetails.ErrorInfo](err)
			same(t, info.GetMetadata(), map[string]string{"maxSize": "10", "size": "11"})
			if called > 0 {
				t.Error("the function was called")
			}
			if err := serve(&batchv1.GetUsersRequest{UserIds: ids[:10]}); err != nil || called == 0 {
				t.Errorf("10 ids: %v, after %d calls", err, called)
			}
			called = 0
		})
	}
}

// TestEmptyIsServedWhereAllowed checks that nothing is called for a request without children.
func TestEmptyIsServedWhereAllowed(t *testing.T) {
	info := usersTable.Methods()[0]
	info.Policy.Batch.AllowEmpty = true
	method := batch.Keyed(info, users.BatchGetUsers, (*batchv1.GetUsersRequest).GetUserIds, (*batchv1.GetUsersResponse).GetUsers,
		batch.Fields{Children: "user_ids", Results: "users"})
	tx := batch.WithTx(func(context.Context, func(context.Context) error) error {
		return errors.New("a transaction of nothing")
	})
	resp, err := method.Load(t.Context(), &batchv1.GetUsersRequest{}, nil, tx)
	if err != nil {
		t.Fatal(err)
	}
	same(t, resp, &batchv1.GetUsersResponse{})
	if resp, err = method.Each(t.Context(), &batchv1.GetUsersRequest{}, nil, tx); err != nil {
		t.Fatal(err)
	}
	same(t, resp, &batchv1.GetUsersResponse{})
}

// TestLimitsAreThoseOfTheServer checks that what a server overrides counts, for its own calls and
// for none else.
func TestLimitsAreThoseOfTheServer(t *testing.T) {
	client := serve(t, funcs{
		get: func(ctx context.Context, req *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) {
			if len(req.GetUserIds()) == 1 { // another method's limits are as they were
				if _, err := getTexts.Load(ctx, nested("a", "b", "c"), text); err != nil {
					t.Error(err)
				}
			}
			return getUsers.Load(ctx, req, byID)
		},
	}, server.WithPolicy([]byte(`{"test.v1.Users/BatchGetUsers": {"batch": {"maxSize": 2}}}`)))
	_, err := client.BatchGetUsers(t.Context(), &batchv1.GetUsersRequest{UserIds: []int32{1, 2, 3}})
	fails(t, err, codes.InvalidArgument, batch.ReasonTooLarge, "user_ids")
	for _, ids := range [][]int32{{1}, {1, 2}} {
		if _, err := client.BatchGetUsers(t.Context(), &batchv1.GetUsersRequest{UserIds: ids}); err != nil {
			t.Error(err)
		}
	}
}

// TestWrongFieldsAreInternal checks that a table that does not fit its messages panics nowhere.
func TestWrongFieldsAreInternal(t *testing.T) {
	for _, fields := range []batch.Fields{
		{},
		{Children: "ids", Results: "users"},
		{Children: "request_id", Results: "users"},
		{Children: "user_ids.id", Results: "users"},
		{Children: "user_ids"},
		{Children: "user_ids", Results: "not_found"},
		{Children: "user_ids", Results: "users", Missing: "users"},
		{Children: "user_ids", Results: "users", IdempotencyKey: "user_ids"},
		{Children: "user_ids", Results: "users", Hoisted: []string{"parent"}},
		{Children: "user_ids", Results: "users", Hoisted: []string{"request_id"}},
	} {
		method := batch.Keyed(usersTable.Methods()[0], users.BatchGetUsers,
			(*batchv1.GetUsersRequest).GetUserIds, (*batchv1.GetUsersResponse).GetUsers, fields)
		req := &batchv1.GetUsersRequest{UserIds: []int32{1}}
		_, loaded := method.Load(t.Context(), req, byID)
		_, split := method.Split(t.Context(), nil, req)
		_, got := method.Loader(t.Context(), nil, req).Get(t.Context(), 1)
		for _, err := range []error{loaded, split, got} {
			fails(t, err, codes.Internal, rpcerr.ReasonInternal)
			if status.Convert(err).Message() != "internal error" {
				t.Errorf("%v: the caller reads %v", fields, status.Convert(err).Message())
			}
		}
	}
}

// TestAGetterMayReturnACopy checks that a map is written although the getter does not return the
// one of the message.
func TestAGetterMayReturnACopy(t *testing.T) {
	method := batch.Keyed(usersTable.Methods()[0], users.BatchGetUsers, (*batchv1.GetUsersRequest).GetUserIds,
		func(resp *batchv1.GetUsersResponse) map[int32]*batchv1.User { return maps.Clone(resp.GetUsers()) },
		batch.Fields{Children: "user_ids", Results: "users", Missing: "not_found"})
	resp, err := method.Load(t.Context(), &batchv1.GetUsersRequest{UserIds: []int32{1, 100}}, byID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, resp, &batchv1.GetUsersResponse{Users: map[int32]*batchv1.User{1: user(1)}, NotFound: []int32{100}})
}

package batch_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"

	batchv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/v1"
	"github.com/grpcservice/grpcservice/runtime/batch"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// store is a database of names with transactions.
type store struct {
	commit error // what commits fail with

	mu      sync.Mutex
	names   []string
	commits int
	again   int // how many commits find a conflict first
}

type txKey struct{}

// inTx runs work in a transaction, again after a conflict.
func (s *store) inTx(ctx context.Context, work func(context.Context) error) error {
	for {
		var tx []string
		if err := work(context.WithValue(ctx, txKey{}, &tx)); err != nil {
			return err
		}
		if done, err := s.end(tx); done {
			return err
		}
	}
}

// end commits the names of a transaction, and reports whether there was no conflict.
func (s *store) end(tx []string) (done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.again > 0 {
		s.again--
		return false, nil
	}
	if s.commit == nil {
		s.names = append(s.names, tx...)
		s.commits++
	}
	return true, s.commit
}

// create adds a name to the transaction of ctx.
func (s *store) create(ctx context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
	name := req.GetUser().GetName()
	if name == "taken" {
		return nil, reasonTaken.Errorf(codes.AlreadyExists, "taken")
	}
	tx := ctx.Value(txKey{}).(*[]string)
	*tx = append(*tx, name)
	return req.GetUser(), nil
}

func TestEachInATransaction(t *testing.T) {
	commit := errors.New("the connection was lost")
	for _, c := range []struct {
		name  string
		store *store
		names []string
		err   error
		code  codes.Code
		want  []string
	}{
		{name: "all", store: &store{}, names: []string{"a", "b"}, want: []string{"a", "b"}},
		{name: "a child fails", store: &store{}, names: []string{"a", "taken", "b"}, code: codes.AlreadyExists},
		{name: "the commit fails", store: &store{commit: commit}, names: []string{"a"}, err: commit, code: codes.Unknown},
		{name: "a conflict", store: &store{again: 2}, names: []string{"a", "b"}, want: []string{"a", "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, err := createUsers.Each(t.Context(), &batchv1.CreateUsersRequest{Requests: creations(c.names...)},
				c.store.create, batch.WithTx(c.store.inTx))
			if got := rpcerr.PublicStatus(err).Code(); got != c.code || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("got %v", err)
			}
			if err == nil {
				same(t, resp, created(c.names...))
			}
			same(t, c.store.names, c.want)
		})
	}
}

// TestLoadInATransaction checks that what is missing rolls it back.
func TestLoadInATransaction(t *testing.T) {
	s := &store{}
	load := func(ctx context.Context, ids []string) (map[string]string, error) {
		tx := ctx.Value(txKey{}).(*[]string)
		*tx = append(*tx, ids...)
		return text(ctx, ids)
	}
	_, err := getTexts.Load(t.Context(), nested("a", "none"), load, batch.WithTx(s.inTx))
	fails(t, err, codes.NotFound, batch.ReasonNotFound, "batch.ids[1]")
	same(t, s.names, []string(nil))
	if _, err := getTexts.Load(t.Context(), nested("a", "b"), load, batch.WithTx(s.inTx)); err != nil {
		t.Error(err)
	}
	same(t, s.names, []string{"a", "b"})
}

// TestEachPerItemInTransactions checks that each child has one, so that one that fails leaves the
// others.
func TestEachPerItemInTransactions(t *testing.T) {
	s := &store{}
	resp, err := lookupUsers.Each(t.Context(), &batchv1.LookupUsersRequest{Names: []string{"a", "taken", "b"}},
		func(ctx context.Context, name string) (*batchv1.User, error) {
			return s.create(ctx, &batchv1.CreateUserRequest{User: &batchv1.User{Name: name}})
		}, batch.WithTx(s.inTx), batch.WithConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	if s.commits != 2 || codes.Code(resp.GetItems()[1].GetError().GetCode()) != codes.AlreadyExists {
		t.Errorf("%d commits: %v", s.commits, resp)
	}
	same(t, s.names, []string{"a", "b"})
}

// TestAConflictIsForgotten checks that only what the last transaction has seen counts: there, the
// other user is gone.
func TestAConflictIsForgotten(t *testing.T) {
	serve := map[string]func(*store) (*batchv1.GetUsersResponse, error){
		"Each": func(s *store) (*batchv1.GetUsersResponse, error) {
			return getUsers.Each(t.Context(), &batchv1.GetUsersRequest{UserIds: []int32{1, 2}}, func(_ context.Context, id int32) (*batchv1.User, error) {
				if id == 1+int32(s.again) {
					return nil, reasonTaken.Errorf(codes.NotFound, "gone")
				}
				return user(id), nil
			}, batch.WithTx(s.inTx))
		},
		"Load": func(s *store) (*batchv1.GetUsersResponse, error) {
			return getUsers.Load(t.Context(), &batchv1.GetUsersRequest{UserIds: []int32{1, 2}}, func(context.Context, []int32) (map[int32]*batchv1.User, error) {
				there := 2 - int32(s.again)
				return map[int32]*batchv1.User{there: user(there)}, nil
			}, batch.WithTx(s.inTx))
		},
	}
	for name, serve := range serve {
		resp, err := serve(&store{again: 1})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same(t, resp, &batchv1.GetUsersResponse{Users: map[int32]*batchv1.User{2: user(2)}, NotFound: []int32{1}})
	}
}

// TestATransactionThatLiesIsCaught holds what happens where the user's function drops errors, or
// does nothing.
func TestATransactionThatLiesIsCaught(t *testing.T) {
	rolledBack := errors.New("rolled back")
	for _, c := range []struct {
		name string
		tx   func(context.Context, func(context.Context) error) error
		code codes.Code
	}{
		{"drops the error", func(ctx context.Context, work func(context.Context) error) error { _ = work(ctx); return nil }, codes.AlreadyExists},
		{"replaces the error", func(ctx context.Context, work func(context.Context) error) error { _ = work(ctx); return rolledBack }, codes.AlreadyExists},
		{"does nothing", func(context.Context, func(context.Context) error) error { return nil }, codes.Internal},
		{"does not begin", func(context.Context, func(context.Context) error) error { return rolledBack }, codes.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := createUsers.Each(t.Context(), &batchv1.CreateUsersRequest{Requests: creations("taken")}, (&store{}).create, batch.WithTx(c.tx))
			if got := rpcerr.PublicStatus(err).Code(); got != c.code {
				t.Errorf("got %v: %v", got, err)
			}
		})
	}
}

package batch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	batchv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/v1"
	"github.com/grpcservice/grpcservice/runtime/batch"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// recorder is a service that notes its calls and takes a second for each. Users have ids from 0.
type recorder struct {
	users
	err error // of all calls

	mu        sync.Mutex
	calls     []*batchv1.GetUsersRequest
	cancelled int
}

func (r *recorder) BatchGetUsers(ctx context.Context, req *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) {
	r.note(func() { r.calls = append(r.calls, req) })
	if err := wait(ctx); err != nil {
		r.note(func() { r.cancelled++ })
		return nil, err
	}
	resp := &batchv1.GetUsersResponse{Users: make(map[int32]*batchv1.User)}
	for _, id := range req.GetUserIds() {
		resp.Users[id] = user(id)
	}
	return resp, r.err
}

func (r *recorder) note(what func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	what()
}

// wait waits for a second.
func wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Second):
		return nil
	}
}

// sizes returns how many ids the calls had, sorted.
func (r *recorder) sizes() []int {
	var sizes []int
	for _, req := range r.calls {
		sizes = append(sizes, len(req.GetUserIds()))
	}
	slices.Sort(sizes)
	return sizes
}

// TestLoaderGathersGets has many goroutines ask at a time.
func TestLoaderGathersGets(t *testing.T) {
	for _, c := range []struct {
		gets, distinct, max int
		want                []int
	}{
		{1000, 1000, 300, []int{100, 300, 300, 300}},
		{1000, 1000, 100, []int{100, 100, 100, 100, 100, 100, 100, 100, 100, 100}},
		{1000, 90, 100, []int{90}},
		{1, 1, 100, []int{1}},
		{3, 3, 1, []int{1, 1, 1}},
	} {
		t.Run(fmt.Sprint(c.gets, " gets of ", c.distinct, " by ", c.max), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &recorder{}
				loader := getUsers.Loader(t.Context(), r, &batchv1.GetUsersRequest{}, batch.WithMaxSize(c.max))
				var gets sync.WaitGroup
				for i := range c.gets {
					gets.Go(func() {
						id := int32(i % c.distinct)
						got, err := loader.Get(t.Context(), id)
						if err != nil || got.GetId() != id {
							t.Errorf("%d: got %v, %v", id, got, err)
						}
					})
				}
				gets.Wait()
				same(t, r.sizes(), c.want)
			})
		})
	}
}

// TestLoaderGathersOnTheRealClock does so over the network, where goroutines come when they come.
func TestLoaderGathersOnTheRealClock(t *testing.T) {
	servicetest.NoLeaks(t)
	const gets, most = 1000, 100
	var mu sync.Mutex
	var calls, largest int
	client := serve(t, funcs{get: func(ctx context.Context, req *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) {
		mu.Lock()
		calls, largest = calls+1, max(largest, len(req.GetUserIds()))
		mu.Unlock()
		return getUsers.Load(ctx, req, byID)
	}}, server.WithPolicy([]byte(`{"test.v1.Users/BatchGetUsers": {"batch": {"maxSize": 100}}}`)))
	loader := getUsers.Loader(t.Context(), client, nil, batch.WithMaxSize(most), batch.WithWindow(time.Minute))
	var all sync.WaitGroup
	for i := range gets {
		all.Go(func() {
			id := int32(i)
			got, err := loader.Get(t.Context(), id)
			if id < 100 && (err != nil || got.GetId() != id) {
				t.Errorf("%d: got %v, %v", id, got, err)
			}
			if id >= 100 {
				fails(t, err, codes.NotFound, batch.ReasonNotFound)
			}
		})
	}
	all.Wait()
	loader.Close()
	if calls != gets/most || largest != most {
		t.Errorf("%d calls of up to %d", calls, largest)
	}
}

func TestLoaderIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		loader := getUsers.Loader(t.Context(), r, nil, batch.WithMaxSize(1), batch.WithConcurrency(2))
		began := time.Now()
		got, err := loader.GetAll(t.Context(), []int32{3, 1, 2, 1, 5})
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, []*batchv1.User{user(3), user(1), user(2), user(1), user(5)})
		if took := time.Since(began); took != 3*time.Second { // 5 calls, 2 at a time
			t.Errorf("took %v", took)
		}
	})
}

// TestLoaderKeepsNothing checks that what is asked for again is fetched again, even while the first
// call is not over.
func TestLoaderKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		loader := getUsers.Loader(t.Context(), r, nil, batch.WithWindow(0))
		var gets sync.WaitGroup
		for range 3 {
			gets.Go(func() { _, _ = loader.Get(t.Context(), 1) })
			time.Sleep(600 * time.Millisecond)
		}
		gets.Wait()
		same(t, r.sizes(), []int{1, 1, 1})
	})
}

// TestLoaderHonoursEachContext has one of two leave, then both.
func TestLoaderHonoursEachContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		loader := getUsers.Loader(t.Context(), r, nil)
		get := func(timeout time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			_, err := loader.Get(ctx, 1)
			return err
		}
		stays := make(chan error)
		go func() { stays <- get(time.Minute) }()
		if err := get(500 * time.Millisecond); err != context.DeadlineExceeded {
			t.Errorf("who leaves gets %v", err)
		}
		if err := <-stays; err != nil {
			t.Errorf("who stays gets %v", err)
		}
		go func() { stays <- get(100 * time.Millisecond) }()
		if err := get(500 * time.Millisecond); err != context.DeadlineExceeded {
			t.Errorf("who leaves gets %v", err)
		}
		<-stays
		synctest.Wait()
		if r.cancelled != 1 { // nobody waits for the second call
			t.Errorf("%d calls were cancelled", r.cancelled)
		}
		if err := get(500 * time.Microsecond); err != context.DeadlineExceeded {
			t.Errorf("who leaves gets %v", err)
		}
		time.Sleep(time.Minute)
		same(t, r.sizes(), []int{1, 1}) // the third was not made
		loader.Close()
	})
}

// TestLoaderCallsForItsOwnContext checks that the metadata of one who gets is never that of a call
// for others.
func TestLoaderCallsForItsOwnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "the loader's")
		loader := getUsers.Loader(ctx, funcs{get: func(ctx context.Context, req *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) {
			md, _ := metadata.FromOutgoingContext(ctx)
			same(t, md["authorization"], []string{"the loader's"})
			return getUsers.Load(ctx, req, byID)
		}}, nil)
		if _, err := loader.Get(metadata.AppendToOutgoingContext(t.Context(), "authorization", "a user's"), 1); err != nil {
			t.Error(err)
		}
	})
}

// TestLoadersRequests checks that they are copies of a template as it was, without its idempotency
// key.
func TestLoadersRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		template := &batchv1.GetUsersRequest{UserIds: []int32{9}, RequestId: "once"}
		template.ProtoReflect().SetUnknown([]byte{0xc0, 0x3e, 0x01})
		loader := getUsers.Loader(t.Context(), r, template)
		template.ProtoReflect().SetUnknown(nil)
		if _, err := loader.Get(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		want := &batchv1.GetUsersRequest{UserIds: []int32{1}}
		want.ProtoReflect().SetUnknown([]byte{0xc0, 0x3e, 0x01})
		same(t, r.calls[0], want)
	})
}

func TestLoaderTellsAllOfAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{err: reasonTaken.Errorf(codes.ResourceExhausted, "no more")}
		loader := getUsers.Loader(t.Context(), r, nil)
		var gets sync.WaitGroup
		for id := range int32(5) {
			gets.Go(func() {
				_, err := loader.Get(t.Context(), id)
				fails(t, err, codes.ResourceExhausted, reasonTaken)
			})
		}
		gets.Wait()
		same(t, r.sizes(), []int{5})
		_, err := loader.GetAll(t.Context(), []int32{1, 2})
		fails(t, err, codes.ResourceExhausted, reasonTaken)
	})
}

// TestLoaderOfAnAtomicBatch checks that those who ask for what is there get it, whatever others ask
// for.
func TestLoaderOfAnAtomicBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		loader := getTexts.Loader(t.Context(), funcs{texts: func(ctx context.Context, req *batchv1.NestedRequest) (*batchv1.NestedResponse, error) {
			calls++
			return getTexts.Load(ctx, req, func(ctx context.Context, ids []string) (map[string]string, error) {
				for i, id := range ids {
					if id == "bad" {
						return nil, rpcerr.Invalid(rpcerr.Violation(fmt.Sprintf("batch.ids[%d]", i), "is bad"))
					}
				}
				return text(ctx, ids)
			})
		}}, nil)
		wants := map[string]codes.Code{"a": codes.OK, "none": codes.NotFound, "b": codes.OK, "bad": codes.InvalidArgument, "c": codes.OK}
		var gets sync.WaitGroup
		for id, want := range wants {
			gets.Go(func() {
				got, err := loader.Get(t.Context(), id)
				if status.Code(err) != want || err == nil && got != "text "+id {
					t.Errorf("%s: got %q, %v", id, got, err)
				}
			})
		}
		gets.Wait()
		if calls != 3 {
			t.Errorf("%d calls", calls)
		}
		_, err := loader.GetAll(t.Context(), []string{"a", "none", "bad"})
		fails(t, err, codes.NotFound, batch.ReasonNotFound)
	})
}

// TestLoaderGivesUpOnAServerThatBlamesOneAtATime checks that it does not make a call for each id.
func TestLoaderGivesUpOnAServerThatBlamesOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		loader := getTexts.Loader(t.Context(), funcs{texts: func(context.Context, *batchv1.NestedRequest) (*batchv1.NestedResponse, error) {
			calls++
			return nil, rpcerr.Invalid(rpcerr.Violation("batch.ids[0]", "is bad"), rpcerr.Violation("batch.ids[99]", "is not there"))
		}}, nil, batch.WithMaxSize(50))
		_, err := loader.GetAll(t.Context(), numbers(50))
		if status.Code(err) != codes.InvalidArgument || calls != 10 {
			t.Errorf("%d calls: %v", calls, err)
		}
	})
}

// TestLoaderPerItem checks that each gets the outcome of its own child.
func TestLoaderPerItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loader := lookupUsers.Loader(t.Context(), funcs{
			lookup: func(ctx context.Context, req *batchv1.LookupUsersRequest) (*batchv1.LookupUsersResponse, error) {
				resp, err := lookupUsers.Each(ctx, req, func(_ context.Context, name string) (*batchv1.User, error) {
					if name == "bad" {
						return nil, reasonTaken.Errorf(codes.Aborted, "bad")
					}
					return &batchv1.User{Name: name}, nil
				})
				for i, name := range req.GetNames() {
					if name == "empty" {
						resp.Items[i] = &batchv1.LookupUsersResponse_Item{}
					}
				}
				return resp, err
			},
		}, nil)
		var gets sync.WaitGroup
		for name, want := range map[string]codes.Code{"a": codes.OK, "bad": codes.Aborted, "empty": codes.Internal} {
			gets.Go(func() {
				got, err := loader.Get(t.Context(), name)
				if status.Code(err) != want || err == nil && got.GetName() != name {
					t.Errorf("%s: got %v, %v", name, got, err)
				}
			})
		}
		gets.Wait()
	})
}

// TestItemsWithAStatusOfTheirOwnAreRead does so for a loader, which is who reads them.
func TestItemsWithAStatusOfTheirOwnAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loader := checkUsers.Loader(t.Context(), funcs{
			check: func(context.Context, *batchv1.CheckUsersRequest) (*batchv1.CheckUsersResponse, error) {
				return &batchv1.CheckUsersResponse{Items: []*batchv1.CheckUsersResponse_Item{
					{Status: &batchv1.CheckUsersResponse_Status{}, User: user(1)},
					{Status: &batchv1.CheckUsersResponse_Status{Code: uint32(codes.Aborted), Message: "bad"}},
				}}, nil
			},
		}, nil)
		var gets sync.WaitGroup
		gets.Go(func() {
			if got, err := loader.Get(t.Context(), "a"); err != nil || got.GetId() != 1 {
				t.Errorf("got %v, %v", got, err)
			}
		})
		synctest.Wait()
		if _, err := loader.Get(t.Context(), "b"); status.Code(err) != codes.Aborted || status.Convert(err).Message() != "bad" {
			t.Errorf("got %v", err)
		}
		gets.Wait()
	})
}

// TestLoaderOfRequestsSharesNone checks that two equal requests are two.
func TestLoaderOfRequestsSharesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		loader := createUsers.Loader(t.Context(), funcs{
			create: func(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
				sent = len(req.GetRequests())
				return createUsers.Each(ctx, req, create)
			},
		}, &batchv1.CreateUsersRequest{Parent: "shops/1"})
		one := creations("a")[0]
		if _, err := loader.GetAll(t.Context(), []*batchv1.CreateUserRequest{one, one}); err != nil || sent != 2 {
			t.Errorf("sent %d: %v", sent, err)
		}
	})
}

// TestLoaderEndsWithItsContext checks that waiting callers get an error, and that no
// goroutine remains.
func TestLoaderEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		ctx, cancel := context.WithCancel(t.Context())
		loader := getUsers.Loader(ctx, r, nil, batch.WithMaxSize(1), batch.WithConcurrency(1))
		ended := make(chan error)
		for id := range int32(2) { // one is called for, one waits for its turn
			go func() {
				_, err := loader.Get(t.Context(), id)
				ended <- err
			}()
		}
		synctest.Wait()
		cancel()
		for range 2 {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("who waits gets %v", err)
			}
		}
		if _, err := loader.Get(t.Context(), 3); err != context.Canceled {
			t.Errorf("who comes later gets %v", err)
		}
		if _, err := loader.GetAll(t.Context(), []int32{3}); err != context.Canceled {
			t.Errorf("who comes later gets %v", err)
		}
		same(t, r.sizes(), []int{1})
	})
}

// TestCloseSendsWhatWasAskedFor checks that it waits, and that no call is accepted afterwards.
func TestCloseSendsWhatWasAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		loader := getUsers.Loader(t.Context(), r, nil, batch.WithWindow(time.Hour))
		began := time.Now()
		ended := make(chan error, 1)
		go func() {
			_, err := loader.Get(t.Context(), 1)
			ended <- err
		}()
		synctest.Wait()
		loader.Close()
		if took := time.Since(began); took != time.Second {
			t.Errorf("Close took %v", took)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := loader.Get(t.Context(), 1); err != batch.ErrClosed {
			t.Errorf("got %v", err)
		}
		loader.Close() // again
		same(t, r.sizes(), []int{1})
	})
}

// TestLoaderSurvivesAPanic checks that all who wait are told.
func TestLoaderSurvivesAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loader := getUsers.Loader(t.Context(), funcs{
			get: func(context.Context, *batchv1.GetUsersRequest) (*batchv1.GetUsersResponse, error) { panic("secret") },
		}, nil)
		_, err := loader.GetAll(t.Context(), []int32{1, 2})
		fails(t, err, codes.Internal, rpcerr.ReasonInternal)
	})
}

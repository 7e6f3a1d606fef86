package batch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	batchv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/v1"
	"github.com/grpcservice/grpcservice/runtime/batch"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// reasonTaken is a reason of the service in these tests.
const reasonTaken = rpcerr.Reason("users.example.com/NAME_TAKEN")

func TestEachKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := numbers(10)
		resp, err := createUsers.Each(t.Context(), &batchv1.CreateUsersRequest{Requests: creations(names...)},
			func(ctx context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
				time.Sleep(time.Duration(100-len(names)*int(req.GetUser().GetName()[0]-'0')) * time.Millisecond) // later ones are faster
				return create(ctx, req)
			})
		if err != nil {
			t.Fatal(err)
		}
		same(t, resp, created(names...))
	})
}

// TestEachIsBounded counts how many children are worked on at a time.
func TestEachIsBounded(t *testing.T) {
	tx := batch.WithTx(func(ctx context.Context, work func(context.Context) error) error { return work(ctx) })
	for _, c := range []struct {
		name string
		opts []batch.Option
		want int32
	}{
		{"policy", nil, 4},
		{"option", []batch.Option{batch.WithConcurrency(7)}, 7},
		{"more than children", []batch.Option{batch.WithConcurrency(50)}, 10},
		{"none", []batch.Option{batch.WithConcurrency(0)}, 1},
		{"transaction", []batch.Option{tx}, 1},
		{"transaction of many goroutines", []batch.Option{tx, batch.WithConcurrency(3)}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var running, most atomic.Int32
				_, err := createUsers.Each(t.Context(), &batchv1.CreateUsersRequest{Requests: creations(numbers(10)...)},
					func(ctx context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
						defer running.Add(-1)
						if n := running.Add(1); n > most.Load() {
							most.Store(n)
						}
						time.Sleep(time.Second) // all who can have begun by then
						return create(ctx, req)
					}, c.opts...)
				if err != nil || most.Load() != c.want {
					t.Errorf("%d at a time, want %d; %v", most.Load(), c.want, err)
				}
			})
		})
	}
}

// TestEachFailsWithTheLowestIndex has child 2 fail long after child 3, and looks at what happens to
// the others.
func TestEachFailsWithTheLowestIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		ends := make(map[string]string)
		end := func(name, how string) {
			mu.Lock()
			defer mu.Unlock()
			ends[name] = how
		}
		_, err := createUsers.Each(t.Context(), &batchv1.CreateUsersRequest{Requests: creations(numbers(10)...)},
			func(ctx context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
				name := req.GetUser().GetName()
				took := map[string]time.Duration{"0": 3 * time.Second, "1": 3 * time.Second, "2": 2 * time.Second, "3": time.Second}[name]
				if name > "3" {
					took = time.Minute
				}
				end(name, "began")
				select {
				case <-ctx.Done():
					end(name, "cancelled")
					return nil, ctx.Err()
				case <-time.After(took):
				}
				if name == "2" || name == "3" {
					end(name, "failed")
					return nil, reasonTaken.Errorf(codes.AlreadyExists, "there is a %s", name)
				}
				end(name, "done")
				return create(ctx, req)
			}, batch.WithConcurrency(6))
		fails(t, err, codes.AlreadyExists, reasonTaken)
		if got, want := status.Convert(err).Message(), "requests[2]: there is a 2"; got != want {
			t.Errorf("message %q, want %q", got, want)
		}
		same(t, ends, map[string]string{"0": "done", "1": "done", "2": "failed", "3": "failed", "4": "cancelled", "5": "cancelled"})
	})
}

// TestEachIsDeterministic fails many children at once, over and over.
func TestEachIsDeterministic(t *testing.T) {
	for range 200 {
		_, err := createUsers.Each(t.Context(), &batchv1.CreateUsersRequest{Requests: creations(numbers(10)...)},
			func(_ context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
				if name := req.GetUser().GetName(); name >= "3" {
					return nil, reasonTaken.Errorf(codes.AlreadyExists, "there is a %s", name)
				}
				return req.GetUser(), nil
			})
		if got, want := status.Convert(err).Message(), "requests[3]: there is a 3"; got != want {
			t.Fatalf("message %q, want %q", got, want)
		}
	}
}

// TestTheErrorOfAChild holds what the caller of a batch gets of it.
func TestTheErrorOfAChild(t *testing.T) {
	plain := errors.New("plain secret")
	for _, c := range []struct {
		name   string
		err    error
		code   codes.Code
		reason rpcerr.Reason
		msg    string
		fields []string
	}{
		{
			name:   "violations",
			err:    rpcerr.Invalid(rpcerr.Violation("user.name", "is too long"), rpcerr.Violation("", "is nonsense")),
			code:   codes.InvalidArgument,
			reason: rpcerr.ReasonInvalidRequest,
			msg:    "requests[1]: invalid request: user.name: is too long; is nonsense",
			fields: []string{"requests[1].user.name", "requests[1]"},
		},
		{
			name:   "reason and cause",
			err:    fmt.Errorf("inside: %w", reasonTaken.Errorf(codes.AlreadyExists, "taken").WithCause(plain).WithRetryAfter(time.Second)),
			code:   codes.AlreadyExists,
			reason: reasonTaken,
			msg:    "requests[1]: taken",
		},
		{name: "status", err: status.Error(codes.Aborted, "aborted"), code: codes.Aborted, reason: batch.ReasonChildFailed, msg: "requests[1]: aborted"},
		{name: "no status", err: plain, code: codes.Unknown, reason: rpcerr.ReasonUnknown, msg: "requests[1]: unknown error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := createUsers.Each(t.Context(), &batchv1.CreateUsersRequest{Requests: creations("a", "b")},
				func(ctx context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
					if req.GetUser().GetName() == "b" {
						return nil, c.err
					}
					return create(ctx, req)
				})
			fails(t, err, c.code, c.reason, c.fields...)
			if got := rpcerr.PublicStatus(err).Message(); got != c.msg {
				t.Errorf("message %q, want %q", got, c.msg)
			}
			if info, _ := rpcerr.Detail[*errdetails.ErrorInfo](err); info.GetMetadata()["index"] != "1" {
				t.Errorf("got %v", info)
			}
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.err.Error()) {
				t.Errorf("the log has %q", err)
			}
			if wait, ok := rpcerr.RetryAfter(err); ok != (c.reason == reasonTaken) || ok && wait != time.Second {
				t.Errorf("retry after %v, %v", wait, ok)
			}
		})
	}
}

// TestTheErrorOfAnID checks that paths of whatever request the child was made into are not told.
func TestTheErrorOfAnID(t *testing.T) {
	_, err := getUsers.Each(t.Context(), &batchv1.GetUsersRequest{UserIds: []int32{7, 7, 8}},
		func(_ context.Context, id int32) (*batchv1.User, error) {
			if id == 8 {
				return nil, rpcerr.Invalid(rpcerr.Violation("id", "is odd"))
			}
			return user(id), nil
		})
	fails(t, err, codes.InvalidArgument, rpcerr.ReasonInvalidRequest, "user_ids[2]")
}

func TestEachWorksOnAnIDOnce(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	resp, err := getTexts.Each(t.Context(), nested("b", "a", "b"), func(_ context.Context, id string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, id)
		return "text " + id, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(asked)
	same(t, asked, []string{"a", "b"})
	same(t, resp.GetAnswer().GetTexts(), []string{"text b", "text a", "text b"})
}

// TestEachWorksOnEachRequest checks that two equal requests are two, even where they are one
// message in memory.
func TestEachWorksOnEachRequest(t *testing.T) {
	req := creations("a")[0]
	var calls atomic.Int32
	resp, err := createUsers.Each(t.Context(), &batchv1.CreateUsersRequest{Requests: []*batchv1.CreateUserRequest{req, req, req}},
		func(context.Context, *batchv1.CreateUserRequest) (*batchv1.User, error) {
			return user(calls.Add(1)), nil
		})
	if err != nil || len(resp.GetUsers()) != 3 || calls.Load() != 3 {
		t.Errorf("%d calls: %v, %v", calls.Load(), resp, err)
	}
}

func TestEachOfAKeyedBatchMissesWhatIsNotFound(t *testing.T) {
	get := func(_ context.Context, id int32) (*batchv1.User, error) {
		switch {
		case id == 13:
			return nil, errors.New("down")
		case id >= 100:
			return nil, fmt.Errorf("wrapped: %w", status.Error(codes.NotFound, "no such user"))
		}
		return user(id), nil
	}
	resp, err := getUsers.Each(t.Context(), &batchv1.GetUsersRequest{UserIds: []int32{101, 1, 100}}, get)
	if err != nil {
		t.Fatal(err)
	}
	same(t, resp, &batchv1.GetUsersResponse{Users: map[int32]*batchv1.User{1: user(1)}, NotFound: []int32{101, 100}})
	_, err = getUsers.Each(t.Context(), &batchv1.GetUsersRequest{UserIds: []int32{101, 1, 13}}, get)
	fails(t, err, codes.Unknown, rpcerr.ReasonUnknown)
}

func TestEachPerItemGivesEachChildAStatus(t *testing.T) {
	servicetest.NoLeaks(t)
	var log bytes.Buffer
	client := serve(t, funcs{
		lookup: func(ctx context.Context, req *batchv1.LookupUsersRequest) (*batchv1.LookupUsersResponse, error) {
			return lookupUsers.Each(ctx, req, func(_ context.Context, name string) (*batchv1.User, error) {
				switch name {
				case "bad":
					return nil, rpcerr.Invalid(rpcerr.Violation("name", "is bad"))
				case "broken":
					return nil, errors.New("secret")
				case "panic":
					panic("another secret")
				case "nil":
					return nil, nil
				}
				return &batchv1.User{Name: name}, nil
			})
		},
	}, server.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	resp, err := client.BatchLookupUsers(t.Context(), &batchv1.LookupUsersRequest{
		Names: []string{"a", "bad", "broken", "b", "panic", "nil", "bad"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []codes.Code{codes.OK, codes.InvalidArgument, codes.Unknown, codes.OK, codes.Internal, codes.Internal, codes.InvalidArgument}
	var got []codes.Code
	for i, item := range resp.GetItems() {
		got = append(got, codes.Code(item.GetError().GetCode()))
		if ok := item.GetError() == nil; ok != (want[i] == codes.OK) || ok != (item.GetUser() != nil) {
			t.Errorf("item %d: %v", i, item)
		}
	}
	same(t, got, want)
	fails(t, status.FromProto(resp.GetItems()[1].GetError()).Err(), codes.InvalidArgument, rpcerr.ReasonInvalidRequest, "name")
	if text := resp.String(); strings.Contains(text, "secret") {
		t.Errorf("the caller reads %s", text)
	}
	for _, want := range []string{
		`panic="another secret"`, "TestEachPerItemGivesEachChildAStatus", // the stack
		`msg="items of a batch failed"`, "items=3", `first=names[2]`, "error=secret",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, log.String())
		}
	}
}

func TestItemsMayHaveAStatusOfTheirOwn(t *testing.T) {
	resp, err := checkUsers.Each(t.Context(), &batchv1.CheckUsersRequest{Names: []string{"a", "b"}},
		func(_ context.Context, name string) (*batchv1.User, error) {
			if name == "b" {
				return nil, reasonTaken.Errorf(codes.AlreadyExists, "taken")
			}
			return &batchv1.User{Name: name}, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	same(t, resp, &batchv1.CheckUsersResponse{Items: []*batchv1.CheckUsersResponse_Item{
		{User: &batchv1.User{Name: "a"}},
		{Status: &batchv1.CheckUsersResponse_Status{Code: uint32(codes.AlreadyExists), Message: "taken"}},
	}})
}

// TestAPanicFailsItsChild checks that the process survives it, in a goroutine and without one.
func TestAPanicFailsItsChild(t *testing.T) {
	servicetest.NoLeaks(t)
	for _, concurrency := range []int{1, 4} {
		var log bytes.Buffer
		client := serve(t, funcs{create: func(ctx context.Context, req *batchv1.CreateUsersRequest) (*batchv1.CreateUsersResponse, error) {
			return createUsers.Each(ctx, req, func(ctx context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
				if req.GetUser().GetName() == "b" {
					panic("secret")
				}
				return create(ctx, req)
			}, batch.WithConcurrency(concurrency))
		}}, server.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		_, err := client.BatchCreateUsers(t.Context(), &batchv1.CreateUsersRequest{Requests: creations("a", "b", "c")})
		fails(t, err, codes.Internal, rpcerr.ReasonInternal)
		if got, want := status.Convert(err).Message(), "requests[1]: internal error"; got != want {
			t.Errorf("message %q, want %q", got, want)
		}
		for _, want := range []string{"panic=secret", "TestAPanicFailsItsChild", "test.v1.Users/BatchCreateUsers"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log has no %s:\n%s", want, log.String())
			}
		}
	}
}

// TestAChildThatEndsItsGoroutine checks that Each returns, although one of its goroutines does not.
func TestAChildThatEndsItsGoroutine(t *testing.T) {
	servicetest.NoLeaks(t)
	_, err := createUsers.Each(t.Context(), &batchv1.CreateUsersRequest{Requests: creations(numbers(10)...)},
		func(ctx context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
			if req.GetUser().GetName() == "1" {
				goruntime.Goexit()
			}
			return create(ctx, req)
		})
	fails(t, err, codes.Internal, rpcerr.ReasonInternal)
}

func TestAChildWithoutResultIsInternal(t *testing.T) {
	_, err := createUsers.Each(t.Context(), &batchv1.CreateUsersRequest{Requests: creations("a")},
		func(context.Context, *batchv1.CreateUserRequest) (*batchv1.User, error) { return nil, nil })
	fails(t, err, codes.Internal, rpcerr.ReasonInternal)
}

// TestTheEndOfTheTimeIsNoChildsFault checks this for all shapes but per item, where it is that of
// each child that is left.
func TestTheEndOfTheTimeIsNoChildsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		began := 0
		slow := func(ctx context.Context) error {
			began++
			select {
			case <-ctx.Done():
				return fmt.Errorf("slow: %w", ctx.Err())
			case <-time.After(time.Second):
				return nil
			}
		}
		_, err := createUsers.Each(ctx, &batchv1.CreateUsersRequest{Requests: creations("a", "b", "c")},
			func(ctx context.Context, req *batchv1.CreateUserRequest) (*batchv1.User, error) {
				return req.GetUser(), slow(ctx)
			},
			batch.WithConcurrency(1))
		if err != context.DeadlineExceeded || began != 2 {
			t.Errorf("got %v after %d children", err, began)
		}
		resp, err := lookupUsers.Each(ctx, &batchv1.LookupUsersRequest{Names: []string{"a", "b"}},
			func(ctx context.Context, name string) (*batchv1.User, error) {
				return &batchv1.User{Name: name}, slow(ctx)
			})
		if err != nil || began != 2 {
			t.Fatalf("got %v after %d children", err, began)
		}
		for _, item := range resp.GetItems() {
			if codes.Code(item.GetError().GetCode()) != codes.DeadlineExceeded {
				t.Errorf("got %v", item)
			}
		}
	})
}

// TestAnErrorOfItsOwnOutranksTheEndOfTheTime checks that a child which has failed before is named
// although the call ends then.
func TestAnErrorOfItsOwnOutranksTheEndOfTheTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := createUsers.Each(ctx, &batchv1.CreateUsersRequest{Requests: creations("a", "b")},
		func(context.Context, *batchv1.CreateUserRequest) (*batchv1.User, error) {
			cancel()
			return nil, rpcerr.Invalid(rpcerr.Violation("user.name", "is taken"))
		})
	fails(t, err, codes.InvalidArgument, rpcerr.ReasonInvalidRequest, "requests[0].user.name")
}

func TestEachOfADoneBatchUsesNoResults(t *testing.T) {
	var removed atomic.Int32
	resp, err := deleteUsers.Each(t.Context(), &batchv1.DeleteUsersRequest{Names: []string{"a", "b"}},
		func(context.Context, string) (*batchv1.DeleteUsersResponse, error) {
			removed.Add(1)
			return nil, nil // nobody gets it
		})
	if err != nil || resp == nil || removed.Load() != 2 {
		t.Errorf("removed %d: %v, %v", removed.Load(), resp, err)
	}
}

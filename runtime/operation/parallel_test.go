package operation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// TestManyOperationsEndAsTheyShould has two managers of one store work on operations that succeed,
// fail, are tried again, panic, are cancelled while they run and while they wait, and are waited
// for by their starters.
func TestManyOperationsEndAsTheyShould(t *testing.T) {
	const each = 1250 // of 8 kinds
	kinds := map[string]string{
		"ok": "ok", "slow": "ok", "fails": codes.FailedPrecondition.String(), "unknown": codes.Unknown.String(),
		"again": "ok", "panics": codes.Internal.String(), "cancelled": codes.Canceled.String(), "repeated": "ok",
	}
	store := operation.Memory()
	var worked sync.Map
	work := func(ctx context.Context, run *paintRun) (*paintResult, error) {
		kind, _, _ := strings.Cut(field(run.Request(), "colour"), " ")
		if kind == "repeated" {
			count, _ := worked.LoadOrStore(field(run.Request(), "colour"), new(atomic.Int64))
			count.(*atomic.Int64).Add(1)
		}
		switch kind {
		case "slow":
			time.Sleep(time.Millisecond)
		case "fails":
			return nil, rpcerr.Reason("paint.v1/NO_PAINT").Errorf(codes.FailedPrecondition, "no paint")
		case "unknown":
			return nil, errors.New("secret")
		case "again":
			if run.Attempt() == 1 {
				return nil, operation.TryAgain(errors.New("again"), time.Millisecond)
			}
		case "panics":
			panic("broken")
		case "cancelled":
			return untilAsked(ctx, run)
		}
		return wrapperspb.String(field(run.Request(), "colour")), run.Save(ctx, 1, done(1))
	}
	policy := runtime.Operation{MaxAttempts: 2, Lease: time.Minute}
	opts := []operation.Option{operation.WithWorkers(200), operation.WithBackoff(time.Millisecond, time.Millisecond), operation.WithPollInterval(20 * time.Millisecond)}
	managers := []*shop{open(t, store, policy, work, opts...), open(t, store, policy, work, opts...)}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var all sync.WaitGroup
	start := func(kind, want string, i int) {
		s, colour := managers[i%2], fmt.Sprintf("%s %d", kind, i)
		text := fmt.Sprintf("colour: %q", colour)
		if kind == "repeated" {
			colour = fmt.Sprintf("%s %d", kind, i/25)
			text = fmt.Sprintf("colour: %q request_id: %q", colour, colour)
		}
		op, err := s.method.Start(ctx, s.m, request(t, text))
		if err != nil {
			t.Error(err)
			return
		}
		if kind == "cancelled" {
			if _, err := managers[i/2%2].m.Cancel(ctx, op.GetName()); err != nil {
				t.Error(err)
			}
		}
		record, err := managers[i/4%2].m.Wait(ctx, op.GetName())
		if err != nil {
			t.Error(err)
			return
		}
		state, err := record.State()
		if err != nil {
			t.Error(err)
			return
		}
		got := codes.Code(state.Status.GetCode()).String()
		if state.Response != nil {
			got = "ok"
			if text := unpackText(t, state.Response); text != colour {
				t.Errorf("%s has the response of %s", colour, text)
			}
		}
		if got != want || !state.Done {
			t.Errorf("%s ended with %q, want %q", colour, got, want)
		}
	}
	for kind, want := range kinds {
		for i := range each {
			all.Go(func() { start(kind, want, i) })
		}
	}
	all.Wait()
	for _, s := range managers {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}
	repeated := 0
	worked.Range(func(id, count any) bool {
		repeated++
		if n := count.(*atomic.Int64).Load(); n != 1 {
			t.Errorf("%v was worked on %d times", id, n)
		}
		return true
	})
	if repeated != each/25 {
		t.Errorf("%d idempotency keys were worked on, want %d", repeated, each/25)
	}
	running := false
	if left, _, err := store.List(ctx, operation.Query{Done: &running}); err != nil || len(left) != 0 {
		t.Errorf("%d are not done, %v", len(left), err)
	}
}

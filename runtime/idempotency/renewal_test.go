package idempotency_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
)

// renewals is a store whose renewals are counted, and can fail.
type renewals struct {
	idempotency.Store
	n     atomic.Int64
	fault func(n int64) error

	mu   sync.Mutex
	last idempotency.Claim
}

func (r *renewals) Begin(ctx context.Context, c idempotency.Claim) (idempotency.Entry, error) {
	entry, err := r.Store.Begin(ctx, c)
	if entry.Fence == c.Fence {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.last = c
	}
	return entry, err
}

func (r *renewals) Renew(ctx context.Context, key idempotency.Key, fence idempotency.Fence, lease time.Duration) error {
	n := r.n.Add(1)
	if r.fault != nil {
		if err := r.fault(n); err != nil {
			return err
		}
	}
	return r.Store.Renew(ctx, key, fence, lease)
}

// claimed returns the last claim that was made.
func (r *renewals) claimed() idempotency.Claim {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// running is a method that runs for a time, whatever its context says.
func running(d time.Duration) func(context.Context) (proto.Message, error) {
	return func(context.Context) (proto.Message, error) {
		time.Sleep(d)
		return wrapperspb.String("done late"), nil
	}
}

// rejectedUntil checks that the key is held until the given time.
func (g *guarded) rejectedUntil(end time.Time) {
	g.t.Helper()
	for ; time.Now().Before(end); time.Sleep(7 * time.Second) {
		_, err := g.call(context.Background(), `request_id: "1"`, nil)
		rejects(g.t, err, codes.Aborted, idempotency.ReasonRequestInProgress, "")
	}
}

func TestARunningCallKeepsItsKey(t *testing.T) {
	for name, limit := range map[string]time.Duration{"after its deadline": 10 * time.Second, "without one": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &renewals{Store: idempotency.Memory()}
				g := guard(t, byIdempotencyKey, store)
				ctx := t.Context()
				if limit > 0 {
					limited, cancel := context.WithTimeout(ctx, limit)
					defer cancel()
					ctx = limited
				}
				end := time.Now().Add(10 * time.Minute)
				go g.call(ctx, `request_id: "1"`, running(10*time.Minute))
				synctest.Wait()
				g.rejectedUntil(end)
				time.Sleep(time.Until(end) + time.Second)
				g.says(`request_id: "1"`, "done late")
				before := store.n.Load()
				time.Sleep(time.Hour)
				if n := store.n.Load(); n != before || n == 0 {
					t.Errorf("%d renewals while the call ran, and %d after it", before, n-before)
				}
			})
		})
	}
}

func TestAShortCallRenewsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &renewals{Store: idempotency.Memory()}
		g := guard(t, byIdempotencyKey, store)
		if _, err := g.call(t.Context(), `request_id: "1"`, running(10*time.Second)); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if n := store.n.Load(); n > 0 {
			t.Errorf("%d renewals of a call of 10 seconds", n)
		}
	})
}

func TestAMethodThatNeverReturnsLosesItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, byIdempotencyKey, idempotency.Memory())
		end := make(chan struct{})
		go g.call(t.Context(), `request_id: "1"`, func(context.Context) (proto.Message, error) {
			<-end
			return wrapperspb.String("too late"), nil
		})
		synctest.Wait()
		time.Sleep(23 * time.Hour)
		_, err := g.call(t.Context(), `request_id: "1"`, nil)
		rejects(t, err, codes.Aborted, idempotency.ReasonRequestInProgress, "")
		time.Sleep(2 * time.Hour)
		g.says(`request_id: "1"`, "done II")
		close(end)
		synctest.Wait()
		g.says(`request_id: "1"`, "done II")
	})
}

func TestAnOutageThatIsShorterThanTheLeaseLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &renewals{Store: idempotency.Memory(), fault: func(n int64) error {
			if n%4 != 0 {
				return errors.New("store is away")
			}
			return nil
		}}
		g := guard(t, byIdempotencyKey, store)
		end := time.Now().Add(5 * time.Minute)
		go g.call(t.Context(), `request_id: "1"`, running(5*time.Minute))
		synctest.Wait()
		g.rejectedUntil(end)
	})
}

// As after a failover of a store without consensus.
func TestAClaimThatTheStoreForgetsIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &renewals{Store: idempotency.Memory()}
		g := guard(t, byIdempotencyKey, store)
		go g.call(t.Context(), `request_id: "1"`, func(ctx context.Context) (proto.Message, error) {
			time.Sleep(5 * time.Minute)
			return wrapperspb.String("done late"), context.Cause(ctx)
		})
		synctest.Wait()
		c := store.claimed()
		_ = store.Release(t.Context(), c.Key, c.Fence)
		time.Sleep(idempotency.DefaultLease / 3)
		synctest.Wait()
		g.rejectedUntil(time.Now().Add(4 * time.Minute))
		time.Sleep(time.Minute)
		g.says(`request_id: "1"`, "done late")
	})
}

func TestACallWhoseKeyAnotherHasEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &renewals{Store: idempotency.Memory()}
		g := guard(t, byIdempotencyKey, store)
		failed := make(chan error, 1)
		go func() {
			_, err := g.call(t.Context(), `request_id: "1"`, func(ctx context.Context) (proto.Message, error) {
				<-ctx.Done()
				if !errors.Is(context.Cause(ctx), idempotency.ErrLost) {
					t.Errorf("the cause is %v", context.Cause(ctx))
				}
				return nil, ctx.Err()
			})
			failed <- err
		}()
		synctest.Wait()
		c := store.claimed()
		_ = store.Release(t.Context(), c.Key, c.Fence)
		rival := c
		rival.Fence[0]++
		rival.Lease = time.Hour
		if _, err := store.Begin(t.Context(), rival); err != nil {
			t.Fatal(err)
		}
		err := <-failed
		rejects(t, err, codes.Aborted, idempotency.ReasonRequestInProgress, "")
		if entry, err := store.Begin(t.Context(), c); err != nil || entry.Fence != rival.Fence {
			t.Errorf("the key has %+v, %v; want the claim of the rival", entry, err)
		}
	})
}

func TestASavedResponseIsNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, byIdempotencyKey, idempotency.Memory())
		_, err := g.call(t.Context(), `request_id: "1"`, func(ctx context.Context) (proto.Message, error) {
			tx := &hooks{}
			resp := wrapperspb.String("saved")
			if err := idempotency.Save(ctx, tx, resp); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Minute)
			if err := tx.commit(); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Minute)
			return resp, context.Cause(ctx)
		})
		if err != nil {
			t.Errorf("the call failed with %v", err)
		}
	})
}

func TestAPanicOfTheStoreEndsNoProcess(t *testing.T) {
	var out bytes.Buffer
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	defer slog.SetDefault(previous)
	synctest.Test(t, func(t *testing.T) {
		store := &renewals{Store: idempotency.Memory(), fault: func(int64) error { panic("of the store") }}
		g := guard(t, byIdempotencyKey, store)
		if got, err := g.call(t.Context(), `request_id: "1"`, running(time.Hour)); got != "done late" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
	if text := out.String(); !strings.Contains(text, "of the store") {
		t.Errorf("the log has no panic: %s", text)
	}
}

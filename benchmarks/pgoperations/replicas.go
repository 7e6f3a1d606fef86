package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// poll is how often an idle manager polls a store that notifies it.
const poll = 5 * time.Second

// held is how many operations a replica holds.
const held = 4

// fleet is many simulated processes: each has its own connection for notifications, and all share
// one pool for the rest, as behind a pooler.
type fleet struct {
	pool     *pgxpool.Pool
	starter  *pgstore.Operations // of a process that only starts operations
	replicas []*pgstore.Operations
	claimed  sync.Map // by replica
}

// scale measures what n replicas cost the database.
func scale(ctx context.Context, pool *pgxpool.Pool, db *pgstore.DB, n int, length time.Duration) error {
	f := &fleet{pool: pool, starter: db.Operations()}
	for range n {
		db, err := pgstore.Open(ctx, pool, pgstore.WithSchema("grpcservice_bench"))
		if err != nil {
			return err
		}
		defer db.Close()
		ops := db.Operations()
		f.replicas = append(f.replicas, ops)
		<-ops.Due() // once it listens
	}
	fmt.Printf("%d replicas\n", n)
	for _, part := range []struct {
		what  string
		setup func(context.Context) error
		run   func(context.Context) (int, error)
	}{
		{"polls while idle", nil, f.polls}, {"renewals, once a second", f.hold, f.renewals},
		{"notifications, ten a second", nil, f.notifications}, {"operations started and finished", nil, f.work},
	} {
		if _, err := pool.Exec(ctx, `TRUNCATE grpcservice_bench.operations`); err != nil {
			return err
		}
		if part.setup != nil {
			if err := part.setup(ctx); err != nil {
				return err
			}
		}
		before, start := used(), time.Now()
		limited, cancel := context.WithTimeout(ctx, length)
		count, err := part.run(limited)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", part.what, err)
		}
		took, spent := time.Since(start), used().since(before)
		_, server := spent.per(count)
		fmt.Printf("  %-34s %8.1f a second %8.0f µs of server CPU each, %5.1f %% of a core\n", part.what,
			float64(count)/took.Seconds(), server, 100*spent.server.Seconds()/took.Seconds())
	}
	return nil
}

// each runs f for each replica at a time, and adds what they return.
func (f *fleet) each(run func(*pgstore.Operations) (int, error)) (int, error) {
	var n atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for _, ops := range f.replicas {
		all.Go(func() {
			count, err := run(ops)
			if err != nil {
				failed.Store(&err)
			}
			n.Add(int64(count))
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return int(n.Load()), nil
}

// pause waits, or returns false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// polls lets all replicas poll an empty table.
func (f *fleet) polls(ctx context.Context) (int, error) {
	return f.each(func(ops *pgstore.Operations) (n int, err error) {
		for wait := rand.N(poll); pause(ctx, wait) && err == nil; wait = poll {
			_, err = ops.Claim(context.WithoutCancel(ctx), []string{method}, 16)
			n++
		}
		return n, err
	})
}

// hold lets each replica claim some operations.
func (f *fleet) hold(ctx context.Context) error {
	for range len(f.replicas) * held {
		if _, _, err := f.starter.Create(ctx, newRecord(), false); err != nil {
			return err
		}
	}
	for _, ops := range f.replicas {
		claimed, err := ops.Claim(ctx, []string{method}, held)
		if err != nil {
			return err
		}
		f.claimed.Store(ops, claimed)
	}
	return nil
}

// renewals lets all replicas renew the leases of what they hold.
func (f *fleet) renewals(ctx context.Context) (int, error) {
	return f.each(func(ops *pgstore.Operations) (n int, err error) {
		lasting := context.WithoutCancel(ctx)
		found, _ := f.claimed.Load(ops)
		claimed := found.([]*operation.Record)
		for pause(ctx, time.Second/2+rand.N(time.Second)) {
			var all sync.WaitGroup
			for _, r := range claimed {
				all.Go(func() {
					limited, cancel := context.WithTimeout(lasting, 30*time.Second)
					defer cancel()
					_, _ = ops.Renew(limited, r.Name, r.Fence)
				})
			}
			all.Wait()
			n += len(claimed)
		}
		return n, err
	})
}

// notifications starts operations, and lets all replicas wait for the hints.
func (f *fleet) notifications(ctx context.Context) (int, error) {
	var mu sync.Mutex
	var late []time.Duration
	var last atomic.Int64
	var all sync.WaitGroup
	for _, ops := range f.replicas {
		all.Go(func() {
			for {
				select {
				case <-ops.Due():
					mu.Lock()
					late = append(late, time.Since(time.Unix(0, last.Load())))
					mu.Unlock()
				case <-ctx.Done():
					return
				}
			}
		})
	}
	n := 0
	for pause(ctx, 100*time.Millisecond) {
		if _, _, err := f.starter.Create(context.WithoutCancel(ctx), newRecord(), false); err != nil {
			return 0, err
		}
		last.Store(time.Now().UnixNano())
		n++
	}
	all.Wait()
	slices.Sort(late)
	if len(late) > 0 {
		fmt.Printf("  %d hints, the median %v after the start, 99 %% within %v\n", len(late),
			late[len(late)/2].Round(time.Millisecond), late[len(late)*99/100].Round(time.Millisecond))
	}
	return n, nil
}

// work lets replicas claim and finish what others start.
func (f *fleet) work(ctx context.Context) (int, error) {
	unfinished := make(chan struct{}, backlog)
	var starters sync.WaitGroup
	var failed error
	starters.Go(func() {
		_, failed = together(ctx, callers, func(ctx context.Context) (int, error) {
			unfinished <- struct{}{}
			_, _, err := f.starter.Create(ctx, newRecord(), false)
			return 1, err
		})
	})
	var empty atomic.Int64
	n, err := f.each(func(ops *pgstore.Operations) (n int, err error) {
		quiet := time.Duration(0)
		for ctx.Err() == nil || len(unfinished) > 0 {
			due := ops.Due()
			lasting := context.WithoutCancel(ctx)
			claimed, err := ops.Claim(lasting, []string{method}, 16)
			if err != nil {
				return n, err
			}
			var all sync.WaitGroup
			for _, r := range claimed {
				all.Go(func() {
					if ops.Finish(lasting, r.Name, r.Fence, operation.Result{Response: payload}) == nil {
						<-unfinished
					}
				})
			}
			all.Wait()
			if n += len(claimed); len(claimed) > 0 {
				quiet = 0
				continue
			}
			empty.Add(1)
			time.Sleep(rand.N(quiet + 1))
			select {
			case <-due:
				quiet = min(max(10*time.Millisecond, 2*quiet), time.Second)
			case <-time.After(poll):
			case <-ctx.Done():
				time.Sleep(10 * time.Millisecond)
			}
		}
		return n, nil
	})
	starters.Wait()
	fmt.Printf("  %d claims found nothing\n", empty.Load())
	if err == nil {
		err = failed
	}
	return n, err
}

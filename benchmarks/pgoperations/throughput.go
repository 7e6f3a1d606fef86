package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// callers is how many goroutines start operations, and as many finish them.
const callers = 16

// backlog is how many operations are not finished at most, so that both sides keep up.
const backlog = 256

// method is that of all operations.
const method = "/bench.v1.Jobs/Run"

// payload is the request and the response of an operation.
var payload = make([]byte, 200)

var names atomic.Int64

// newRecord returns an operation.
func newRecord() *operation.Record {
	n := names.Add(1)
	return &operation.Record{
		Name: fmt.Sprintf("operations/%026d", n), Method: method, Principal: "principal" + strconv.Itoa(int(n%100)),
		Request: payload, Metadata: payload[:50], Carrier: map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		Lease: 30 * time.Second, Retain: time.Hour, MaxAttempts: 5,
	}
}

// result is what one side has done in a round.
type result struct {
	rate           float64 // operations in a second
	client, server float64 // microseconds of CPU for each
}

// throughput compares operations that are started, claimed and finished with a bare INSERT and a
// bare UPDATE of the same bytes, in turns.
func throughput(ctx context.Context, pool *pgxpool.Pool, db *pgstore.DB, rounds int, length time.Duration) error {
	const table = `CREATE TABLE IF NOT EXISTS grpcservice_bench.bare (name text PRIMARY KEY, method text, principal text, carrier json,
		request bytea, metadata bytea, response bytea, create_time timestamptz, done_time timestamptz)`
	if _, err := pool.Exec(ctx, table); err != nil {
		return err
	}
	ops := db.Operations()
	sides := []struct {
		name string
		run  func(context.Context) (int, error)
	}{
		{"bare INSERT and UPDATE", func(ctx context.Context) (int, error) { return bare(ctx, pool) }},
		{"operation started, claimed and finished", func(ctx context.Context) (int, error) { return operations(ctx, ops) }},
	}
	results := make([][]result, len(sides))
	for range rounds {
		for i, side := range sides {
			r, err := measure(ctx, length, side.run)
			if err != nil {
				return fmt.Errorf("%s: %w", side.name, err)
			}
			results[i] = append(results[i], r)
		}
	}
	fmt.Printf("%-42s %10s %14s %14s\n", "median of rounds", "a second", "client CPU", "server CPU")
	var medians []result
	for i, side := range sides {
		m := median(results[i])
		medians = append(medians, m)
		fmt.Printf("%-42s %10.0f %11.0f µs %11.0f µs\n", side.name, m.rate, m.client, m.server)
	}
	fmt.Printf("ratio: %.2f in time, %.2f in CPU\n", medians[0].rate/medians[1].rate,
		(medians[1].client+medians[1].server)/(medians[0].client+medians[0].server))
	return nil
}

// measure runs one side for a time.
func measure(ctx context.Context, length time.Duration, run func(context.Context) (int, error)) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	before, start := used(), time.Now()
	n, err := run(ctx)
	took := time.Since(start)
	client, server := used().since(before).per(n)
	return result{float64(n) / took.Seconds(), client, server}, err
}

func median(all []result) result {
	of := func(value func(result) float64) float64 {
		var values []float64
		for _, r := range all {
			values = append(values, value(r))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return result{
		of(func(r result) float64 { return r.rate }), of(func(r result) float64 { return r.client }),
		of(func(r result) float64 { return r.server }),
	}
}

// together runs f in goroutines until the context ends, and returns how often it has succeeded.
func together(ctx context.Context, goroutines int, f func(ctx context.Context) (int, error)) (int, error) {
	var n atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for ctx.Err() == nil && failed.Load() == nil {
				done, err := f(context.WithoutCancel(ctx)) // what has begun is finished
				if err != nil {
					failed.Store(&err)
				}
				n.Add(int64(done))
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return int(n.Load()), nil
}

// bare inserts and updates rows.
func bare(ctx context.Context, pool *pgxpool.Pool) (int, error) {
	return together(ctx, 2*callers, func(ctx context.Context) (int, error) {
		r := newRecord()
		if _, err := pool.Exec(ctx, `INSERT INTO grpcservice_bench.bare (name, method, principal, carrier, request, metadata, create_time)
			VALUES ($1, $2, $3, $4, $5, $6, now())`, r.Name, r.Method, r.Principal, r.Carrier, r.Request, r.Metadata); err != nil {
			return 0, err
		}
		_, err := pool.Exec(ctx, `UPDATE grpcservice_bench.bare SET response = $2, request = NULL, done_time = now() WHERE name = $1`, r.Name, payload)
		return 1, err
	})
}

// operations starts operations, and claims and finishes them as a manager does.
func operations(ctx context.Context, ops *pgstore.Operations) (int, error) {
	var workers sync.WaitGroup
	var failed error
	done := 0
	started, unfinished := make(chan struct{}, 1), make(chan struct{}, backlog)
	workers.Go(func() { done, failed = work(ctx, ops, started, unfinished) })
	_, err := together(ctx, callers, func(ctx context.Context) (int, error) {
		unfinished <- struct{}{}
		_, _, err := ops.Create(ctx, newRecord(), false)
		select {
		case started <- struct{}{}:
		default:
		}
		return 1, err
	})
	workers.Wait()
	if err == nil {
		err = failed
	}
	return done, err
}

// work claims operations for free workers, and finishes them.
func work(ctx context.Context, ops *pgstore.Operations, started, unfinished <-chan struct{}) (int, error) {
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	slots := make(chan struct{}, 4*callers)
	for (ctx.Err() == nil || len(unfinished) > 0) && failed.Load() == nil {
		slots <- struct{}{}
		free := 1
		for full := false; !full; {
			select {
			case slots <- struct{}{}:
				free++
			default:
				full = true
			}
		}
		claimed, err := ops.Claim(context.WithoutCancel(ctx), []string{method}, free)
		if err != nil {
			return 0, err
		}
		for range free - len(claimed) {
			<-slots
		}
		for _, op := range claimed {
			all.Go(func() {
				defer func() { <-slots }()
				if err := ops.Finish(context.WithoutCancel(ctx), op.Name, op.Fence, operation.Result{Response: payload}); err != nil {
					failed.Store(&err)
				}
				<-unfinished
				done.Add(1)
			})
		}
		if len(claimed) == 0 {
			select {
			case <-started:
			case <-ctx.Done():
				time.Sleep(time.Millisecond) // the last ones are being started
			}
		}
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return int(done.Load()), nil
}

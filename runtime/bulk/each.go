package bulk

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strconv"
	"sync"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// Option configures [Method.Each].
type Option func(*limits)

// limits are those of a stream; 0 items means no limit.
type limits struct {
	concurrency, items, failures int
}

// WithConcurrency sets how many items are processed at a time, at least 1, instead of the policy's
// bulk.concurrency. With 1, items are processed in the order of the stream.
func WithConcurrency(n int) Option { return func(l *limits) { l.concurrency = max(n, 1) } }

// WithMaxItems sets the most items of a stream, instead of the policy's bulk.max_items; 0 means no
// limit.
func WithMaxItems(n int) Option { return func(l *limits) { l.items = n } }

// WithMaxFailures sets how many items may fail, instead of the policy's bulk.max_failures.
func WithMaxFailures(n int) Option { return func(l *limits) { l.failures = max(n, 0) } }

// Each calls process with each item, several at a time, and returns what came of them.
//
//	result, err := libraryv1service.BookServiceCreateBooks.Each(ctx, reqs, s.create)
//	if err != nil {
//		return nil, err
//	}
//	return &libraryv1.CreateBooksResponse{Created: result.Succeeded, FailedRequests: result.Statuses()}, nil
//
// An item whose process returns an error, or panics, has failed; the others continue. Each itself
// fails if the stream does, if there are more items than the policy allows (RESOURCE_EXHAUSTED,
// reason BULK_TOO_MANY_ITEMS), or if more items fail than it allows (ABORTED, reason
// BULK_TOO_MANY_FAILURES): then it cancels the items that are running and waits for them. Items
// that succeeded stay done. While the server drains, Each waits for at most a second for the next
// item and then fails with [runtime.ErrDraining].
//
// As many items are in memory as are processed at a time, and one more that was received ahead.
func (m *Method[S, Req, Resp]) Each(ctx context.Context, reqs runtime.Stream[Req], process func(ctx context.Context, req *Req) error, opts ...Option) (Result, error) {
	l := limitsIn(m.info.PolicyIn(ctx))
	for _, opt := range opts {
		opt(&l)
	}
	running, cancel := context.WithCancelCause(ctx)
	r := &run[Req]{limits: l, ctx: running, cancel: cancel, process: process, free: make(chan struct{}, l.concurrency)}
	defer func() { // also if the stream panics
		cancel(nil)
		r.workers.Wait()
	}()
	in := stream.NewReceiver(running, reqs)
	defer in.Close()
	err := r.receive(in)
	if err != nil {
		cancel(err)
	}
	r.workers.Wait()
	if ended := ctx.Err(); ended != nil && err == nil { // the stream may have ended because of it
		err = rpcerr.Upstream(ctx, ended)
	}
	slices.SortFunc(r.result.Failures, func(a, b Failure) int { return cmp.Compare(a.Index, b.Index) })
	return r.result, cmp.Or(r.failed, err)
}

// run is the state of one Each.
type run[Req any] struct {
	limits
	ctx     context.Context
	cancel  context.CancelCauseFunc
	process func(context.Context, *Req) error
	free    chan struct{} // holds a token for each item that is being processed
	workers sync.WaitGroup

	mu     sync.Mutex
	result Result
	failed error // too many failures
}

// receive starts to process items until there are no more.
func (r *run[Req]) receive(in *stream.Receiver[Req]) error {
	for index := int64(0); ; index++ {
		req, err := in.Receive()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if r.items > 0 && index >= int64(r.items) {
			return ReasonTooManyItems.Errorf(codes.ResourceExhausted, "more than %d items; the method accepts no more in a stream", r.items).
				WithMetadata("maxItems", strconv.Itoa(r.items))
		}
		select {
		case r.free <- struct{}{}:
		case <-r.ctx.Done():
			return rpcerr.Upstream(r.ctx, r.ctx.Err())
		}
		r.start(index, req)
	}
}

// start processes an item in a separate goroutine.
func (r *run[Req]) start(index int64, req *Req) {
	r.workers.Add(1)
	go func() {
		err := errEnded // unless process returns
		defer func() {
			if value := recover(); value != nil {
				err = runtime.Recovered(r.ctx, value)
			}
			r.count(index, err)
			<-r.free
			r.workers.Done()
		}()
		err = r.process(r.ctx, req)
	}()
}

var errEnded = rpcerr.Internal("the function ended its goroutine, as FailNow of a test does; return an error")

// count counts a processed item.
func (r *run[Req]) count(index int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Received++
	if err == nil {
		r.result.Succeeded++
		return
	}
	if r.failed != nil {
		return
	}
	if r.result.Failures = append(r.result.Failures, Failure{index, err}); len(r.result.Failures) > r.failures {
		r.failed = ReasonTooManyFailures.Errorf(codes.Aborted, "more than %d items failed; fix them and send the stream again", r.failures).
			WithMetadata("maxFailures", strconv.Itoa(r.failures)).WithMetadata("index", strconv.FormatInt(index, 10)).WithCause(err)
		r.cancel(r.failed)
	}
}

// limitsIn returns the limits of a policy, with the defaults for unset values.
func limitsIn(p runtime.Policy) limits {
	return limits{
		concurrency: cmp.Or(p.Bulk.Concurrency, policy.DefaultBulkConcurrency),
		items:       p.Bulk.MaxItems,
		failures:    cmp.Or(p.Bulk.MaxFailures, policy.DefaultMaxFailures),
	}
}

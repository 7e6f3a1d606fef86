package batch

import (
	"context"
	"errors"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/msgsize"
)

// Option changes how one request is served.
type Option interface{ serve(*serving) }

// SplitOption changes how [Method.Split] calls.
type SplitOption interface{ split(*splitting) }

// LoaderOption changes how a [Loader] calls.
type LoaderOption interface{ load(*loading) }

// Concurrency is how many children, or calls of a client, are worked on at a time, 1 at least. Without it [Method.Each] takes
// what the policy says, or 1 in a transaction of all children, and the client makes 8 calls.
type Concurrency int

// MaxSize is the most children of a call that a client makes, where the server takes less than the policy of the proto says.
type MaxSize int

// MaxBytes is how many bytes a message has at most: of a client the request of a call, of a server the response. Without it that
// is [DefaultMaxBytes].
//
// A server whose results have more fails the batch with RESOURCE_EXHAUSTED, reason BATCH_RESPONSE_TOO_LARGE; of a batch per item it
// shortens the statuses and leaves out the largest results, whose items get that error. In a transaction of all children, it is
// rolled back.
type MaxBytes int

// DefaultMaxBytes is what every server and client takes that was not told otherwise.
const DefaultMaxBytes = msgsize.Stock

// Window is how long a [Loader] waits for further children after the first of a call: 1 ms without it. At 0 or below it sends what
// is there when the goroutine that asks for the first gives way.
type Window time.Duration

// InTx has the children worked on in a transaction, which begins and ends in inTx: it commits if what it calls returns nil, and
// rolls back otherwise. A batch whose children fail together is one transaction, of one child at a time unless [Concurrency] says
// that the transaction may be used by many goroutines; without InTx, children that were done before another failed stay done. Of a
// batch per item, where children fail alone, each child that [Method.Each] calls for is a transaction of its own.
//
// InTx may call its function again, as it must where the database finds two transactions in conflict: only the last call counts.
func InTx(inTx func(ctx context.Context, work func(ctx context.Context) error) error) Option {
	return transaction(inTx)
}

type transaction func(ctx context.Context, work func(ctx context.Context) error) error

// serving is how a request is served.
type serving struct {
	concurrency int // 0 is not said
	maxBytes    int
	inTx        transaction
}

// splitting is how a client's calls are made.
type splitting struct{ maxSize, maxBytes, concurrency int }

// loading is how a loader's calls are made.
type loading struct {
	splitting
	window time.Duration
}

func (n Concurrency) serve(s *serving)   { s.concurrency = max(int(n), 1) }
func (n Concurrency) split(s *splitting) { s.concurrency = max(int(n), 1) }
func (n Concurrency) load(l *loading)    { n.split(&l.splitting) }
func (n MaxSize) split(s *splitting)     { s.maxSize = max(int(n), 1) }
func (n MaxSize) load(l *loading)        { n.split(&l.splitting) }
func (n MaxBytes) serve(s *serving)      { s.maxBytes = max(int(n), 1) }
func (n MaxBytes) split(s *splitting)    { s.maxBytes = max(int(n), 1) }
func (n MaxBytes) load(l *loading)       { n.split(&l.splitting) }
func (w Window) load(l *loading)         { l.window = max(time.Duration(w), 0) }
func (t transaction) serve(s *serving)   { s.inTx = t }

// run calls work in the transaction, or as it is where there is none.
func (t transaction) run(ctx context.Context, work func(ctx context.Context) error) error {
	if t == nil {
		return work(ctx)
	}
	ran := false
	var failed error // why work failed when it was called last
	err := t(ctx, func(ctx context.Context) error {
		ran, failed = true, work(ctx)
		return failed
	})
	switch {
	case err == nil && !ran:
		return errNoTx
	case err == nil:
		return failed
	case failed != nil && !errors.Is(err, failed): // the caller should learn of what failed first
		return errors.Join(failed, err)
	}
	return err
}

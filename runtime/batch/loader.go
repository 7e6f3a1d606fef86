package batch

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// ErrClosed is what a [Loader] returns after [Loader.Close].
var ErrClosed = errors.New("the loader is closed")

// defaultWindow is how long a [Loader] waits for further children.
const defaultWindow = time.Millisecond

// Loader makes batches of single gets: what many goroutines ask for at about the same time goes into one call. It keeps nothing:
// what is asked for again is fetched again. It is safe for many goroutines.
type Loader[C comparable, R any] struct {
	ctx    context.Context
	fetch  func(ctx context.Context, children []C) outcomeFunc[R]
	max    int
	bytes  int         // that the children of a call may have
	size   func(C) int // of a child
	window time.Duration
	unlike bool          // children that are equal are two
	turns  chan struct{} // as many as calls may run at a time

	mu      sync.Mutex
	open    *gathering[C, R] // nil while nobody waits for others
	closed  bool
	running sync.WaitGroup // gatherings that are not over
}

// Loader returns a loader that asks s with copies of template, which says all but the children. It works until ctx ends, and all
// its calls carry the values of ctx: who calls, metadata and traces are those of ctx, never those of who gets. So a loader that
// asks on behalf of users is made for each of their requests; one that is made of context.Background() asks for the program.
//
// A call has [WithMaxSize] children at most, or what the policy of the proto says, and a request of [WithMaxBytes]. The idempotency key of template is left out, as each
// call is another.
func (m *Method[S, Req, Resp, C, R]) Loader(ctx context.Context, s S, template *Req, opts ...Option) *Loader[C, R] {
	cfg := m.calling().apply(opts)
	f := &fetcher[S, Req, Resp, C, R]{method: m, service: s}
	l := &Loader[C, R]{ctx: ctx, fetch: f.fetch, max: cfg.maxSize, window: cfg.window, turns: make(chan struct{}, cfg.concurrency)}
	if template == nil {
		template = new(Req)
	}
	if f.plan, f.err = m.plan(); f.err == nil {
		f.template = proto.Clone(messageOf(template).Interface()).ProtoReflect()
		f.plan.clearIdempotencyKey(f.template)
		l.unlike, l.size = f.plan.requests, f.plan.child.size
		l.bytes = cfg.maxBytes - proto.Size(f.plan.part(f.template, nil).Interface()) - lengthGrowth
	}
	return l
}

// Get returns the result of a child. One that several ask for at a time is sent once, and they share its result, which must not be
// changed. A child without a result is NOT_FOUND, reason
// BATCH_NOT_FOUND; the failure of a call is that of all who wait for it, but for a call that fails because some of its ids are not
// found or not valid, and says which: it is made again without them.
//
// Where ctx ends, Get returns its error at once and others wait on; the call is cancelled when nobody waits for it.
func (l *Loader[C, R]) Get(ctx context.Context, child C) (R, error) {
	t, err := l.join(child)
	if err != nil {
		var none R
		return none, err
	}
	return t.wait(ctx)
}

// GetAll returns the results of children, in their order, or the error of the first that has none.
func (l *Loader[C, R]) GetAll(ctx context.Context, children []C) ([]R, error) {
	tickets := make([]ticket[C, R], len(children))
	for i, child := range children {
		t, err := l.join(child)
		if err != nil {
			leave(tickets[:i])
			return nil, err
		}
		tickets[i] = t
	}
	results := make([]R, len(children))
	for i, t := range tickets {
		var err error
		if results[i], err = t.wait(ctx); err != nil {
			leave(tickets[i+1:])
			return nil, err
		}
	}
	return results, nil
}

// Close sends what was asked for, waits until all calls have ended, and has further gets fail with [ErrClosed]. A loader that
// is not closed holds no goroutine once its calls have ended.
func (l *Loader[C, R]) Close() {
	l.mu.Lock()
	l.closed = true
	if l.open != nil {
		l.send()
	}
	l.mu.Unlock()
	l.running.Wait()
}

// gathering is a call that is being put together, and then made.
type gathering[C comparable, R any] struct {
	loader   *Loader[C, R]
	ctx      context.Context
	cancel   context.CancelFunc
	timer    *time.Timer
	children []C
	bytes    int // of children
	index    map[C]int
	waiting  int // who have not left

	over    chan struct{}
	outcome outcomeFunc[R] // set when over
}

// ticket is a place in a gathering.
type ticket[C comparable, R any] struct {
	gathering *gathering[C, R]
	at        int
}

// join takes a place for a child.
func (l *Loader[C, R]) join(child C) (ticket[C, R], error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return ticket[C, R]{}, ErrClosed
	case l.ctx.Err() != nil:
		return ticket[C, R]{}, l.ctx.Err()
	case l.open == nil:
		l.begin()
	}
	g, at := l.place(child)
	g.waiting++
	if len(g.children) == l.max {
		l.send()
	}
	return ticket[C, R]{g, at}, nil
}

// place finds a place for a child in the open gathering, or in another one where that has no room; the loader is locked.
func (l *Loader[C, R]) place(child C) (g *gathering[C, R], at int) {
	g = l.open
	if at, ok := g.index[child]; ok && !l.unlike {
		return g, at
	}
	if l.size != nil {
		size := l.size(child)
		if len(g.children) > 0 && g.bytes+size > l.bytes {
			l.send()
			l.begin()
			g = l.open
		}
		g.bytes += size
	}
	at = len(g.children)
	g.children = append(g.children, child)
	g.index[child] = at
	return g, at
}

// begin opens a gathering; the loader is locked.
func (l *Loader[C, R]) begin() {
	g := &gathering[C, R]{loader: l, index: make(map[C]int), over: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(l.ctx)
	g.timer = time.AfterFunc(l.window, g.timeUp)
	l.open = g
	l.running.Add(1)
}

// send makes the call of the open gathering; the loader is locked.
func (l *Loader[C, R]) send() {
	g := l.open
	l.open = nil
	g.timer.Stop() // if it is too late, timeUp finds that the gathering is not open
	go g.run()
}

// timeUp makes the call, unless it was made.
func (g *gathering[C, R]) timeUp() {
	g.loader.mu.Lock()
	defer g.loader.mu.Unlock()
	if g.loader.open == g {
		g.loader.send()
	}
}

// run makes the call when it is its turn.
func (g *gathering[C, R]) run() {
	l := g.loader
	defer l.running.Done()
	defer g.cancel()
	defer close(g.over)
	g.outcome = failed[R](errLeft)
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
		g.outcome = l.fetch(g.ctx, g.children)
	case <-g.ctx.Done():
		g.outcome = failed[R](g.ctx.Err())
	}
}

// wait returns the outcome of a child.
func (t ticket[C, R]) wait(ctx context.Context) (R, error) {
	select {
	case <-t.gathering.over:
		return t.gathering.outcome(t.at)
	case <-ctx.Done():
		t.leave()
		var none R
		return none, ctx.Err()
	}
}

// leave gives up a place. A gathering without anybody ends.
func (t ticket[C, R]) leave() {
	g, l := t.gathering, t.gathering.loader
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.waiting--; g.waiting > 0 {
		return
	}
	g.cancel()
	if l.open == g {
		l.open = nil
		g.timer.Stop()
		l.running.Done()
	}
}

func leave[C comparable, R any](tickets []ticket[C, R]) {
	for _, t := range tickets {
		t.leave()
	}
}

// failed is the outcome of children whose call failed.
func failed[R any](err error) outcomeFunc[R] {
	return func(int) (none R, _ error) { return none, err }
}

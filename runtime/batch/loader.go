package batch

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// ErrClosed is the error of a [Loader] after [Loader.Close].
var ErrClosed = errors.New("the loader is closed")

// Loader combines single gets into batches: gets that many goroutines make at about the same time
// become one call. It caches nothing: each get is fetched. It is safe for concurrent use.
type Loader[C comparable, R any] struct {
	ctx    context.Context
	fetch  func(ctx context.Context, children []C) outcomeFunc[R]
	max    int
	bytes  int         // maximum for the items of a call
	size   func(C) int // of an item
	window time.Duration
	unlike bool          // equal items are distinct
	turns  chan struct{} // as many as calls may run at a time

	mu      sync.Mutex
	current *gathering[C, R] // nil if none is collecting
	closed  bool
	running sync.WaitGroup // gatherings that have not finished
}

// Loader returns a loader that calls s with copies of template, which holds everything but the
// items. It works until ctx ends. All its calls carry the values of ctx, never those of the
// context passed to Get: the caller's identity, metadata and traces. Therefore create a loader
// per request if it acts on behalf of users; a loader created with context.Background() acts for
// the program.
//
// A call has at most [WithMaxSize] items, or the maximum of the proto's policy, and
// [WithMaxBytes] bytes. The loader clears the idempotency key of template, because each call is a
// different request.
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

// Get returns the result of an item. If several goroutines get the same item at a time, it is
// sent once and they share the result, which must not be modified. An item without a result is
// NOT_FOUND, reason BATCH_NOT_FOUND. If a call fails, all gets that wait for it fail, with one
// exception: if some IDs are not found or invalid and the error names them, the call is repeated
// without them.
//
// If ctx ends, Get returns its error at once while others keep waiting. The call is cancelled
// when no get waits for it.
func (l *Loader[C, R]) Get(ctx context.Context, child C) (R, error) {
	t, err := l.join(child)
	if err != nil {
		var none R
		return none, err
	}
	return t.wait(ctx)
}

// GetAll returns the results of items in their order, or the error of the first that has none.
func (l *Loader[C, R]) GetAll(ctx context.Context, children []C) ([]R, error) {
	tickets := make([]ticket[C, R], len(children))
	for i, child := range children {
		t, err := l.join(child)
		if err != nil {
			giveUpAll(tickets[:i])
			return nil, err
		}
		tickets[i] = t
	}
	results := make([]R, len(children))
	for i, t := range tickets {
		var err error
		if results[i], err = t.wait(ctx); err != nil {
			giveUpAll(tickets[i+1:])
			return nil, err
		}
	}
	return results, nil
}

// Close sends the pending gets and waits until all calls have ended. Later gets fail with
// [ErrClosed]. A loader that is not closed holds no goroutine once its calls have ended.
func (l *Loader[C, R]) Close() {
	l.mu.Lock()
	l.closed = true
	if l.current != nil {
		l.send()
	}
	l.mu.Unlock()
	l.running.Wait()
}

// gathering is a call that collects items and is then made.
type gathering[C comparable, R any] struct {
	loader   *Loader[C, R]
	ctx      context.Context
	cancel   context.CancelFunc
	timer    *time.Timer
	children []C
	bytes    int // of items
	index    map[C]int
	waiting  int // gets that have not given up

	over    chan struct{}
	outcome outcomeFunc[R] // set when over
}

// ticket is a place in a gathering.
type ticket[C comparable, R any] struct {
	gathering *gathering[C, R]
	at        int
}

// join takes a place for an item.
func (l *Loader[C, R]) join(child C) (ticket[C, R], error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return ticket[C, R]{}, ErrClosed
	case l.ctx.Err() != nil:
		return ticket[C, R]{}, l.ctx.Err()
	case l.current == nil:
		l.begin()
	}
	g, at := l.place(child)
	g.waiting++
	if len(g.children) == l.max {
		l.send()
	}
	return ticket[C, R]{g, at}, nil
}

// place finds a place for an item in the current gathering, or in a new one if that is full. The
// loader is locked.
func (l *Loader[C, R]) place(child C) (g *gathering[C, R], at int) {
	g = l.current
	if at, ok := g.index[child]; ok && !l.unlike {
		return g, at
	}
	if l.size != nil {
		size := l.size(child)
		if len(g.children) > 0 && g.bytes+size > l.bytes {
			l.send()
			l.begin()
			g = l.current
		}
		g.bytes += size
	}
	at = len(g.children)
	g.children = append(g.children, child)
	g.index[child] = at
	return g, at
}

// begin starts a gathering. The loader is locked.
func (l *Loader[C, R]) begin() {
	g := &gathering[C, R]{loader: l, index: make(map[C]int), over: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(l.ctx)
	g.timer = time.AfterFunc(l.window, g.timeUp)
	l.current = g
	l.running.Add(1)
}

// send makes the call of the current gathering. The loader is locked.
func (l *Loader[C, R]) send() {
	g := l.current
	l.current = nil
	g.timer.Stop() // if it has fired, timeUp sees that the gathering is not current
	go g.run()
}

// timeUp makes the call unless it has been made.
func (g *gathering[C, R]) timeUp() {
	g.loader.mu.Lock()
	defer g.loader.mu.Unlock()
	if g.loader.current == g {
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

// wait returns the outcome of an item.
func (t ticket[C, R]) wait(ctx context.Context) (R, error) {
	select {
	case <-t.gathering.over:
		return t.gathering.outcome(t.at)
	case <-ctx.Done():
		t.giveUp()
		var none R
		return none, ctx.Err()
	}
}

// giveUp gives up a place. A gathering without waiting gets ends.
func (t ticket[C, R]) giveUp() {
	g, l := t.gathering, t.gathering.loader
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.waiting--; g.waiting > 0 {
		return
	}
	g.cancel()
	if l.current == g {
		l.current = nil
		g.timer.Stop()
		l.running.Done()
	}
}

func giveUpAll[C comparable, R any](tickets []ticket[C, R]) {
	for _, t := range tickets {
		t.giveUp()
	}
}

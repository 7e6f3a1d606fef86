package client

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// maxAttempts is the maximum number of attempts for one call, whatever the policy says (gRFC A6).
const maxAttempts = 5

// hedging is a method's hedging policy in the form that calls use.
type hedging struct {
	delay    time.Duration
	attempts int
	nonFatal codeSet
	budget   hedgeBudget
}

// newHedging returns nil if calls are not hedged.
func newHedging(p runtime.Hedging) *hedging {
	if p.MaxAttempts < 2 {
		return nil
	}
	return &hedging{delay: max(0, p.Delay), attempts: min(p.MaxAttempts, maxAttempts), nonFatal: codeSetOf(p.NonFatalCodes)}
}

// hedgeUnary makes a call in one or more attempts (gRFC A6). It returns when all attempts have
// returned: no goroutine is left, and nothing reads req.
func hedgeUnary[Resp any](ctx context.Context, m *Method, req any, options []grpc.CallOption) (*Resp, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h := &hedgedCall{
		hedging: m.hedging, method: m, ctx: ctx, req: req, options: options,
		newResponse: func() any { return new(Resp) },
		ended:       make(chan *attempt),
	}
	winner := h.run()
	cancel() // the losers
	h.join(winner)
	winner.fill(options)
	if winner.err != nil {
		return nil, rpcerr.Upstream(ctx, winner.err)
	}
	return winner.resp.(*Resp), nil
}

// hedgedCall is a call and its attempts. Everything but the attempts runs in the caller's
// goroutine.
type hedgedCall struct {
	*hedging
	method      *Method
	ctx         context.Context // of all attempts
	req         any
	newResponse func() any
	options     []grpc.CallOption

	started, running int
	more             bool        // another attempt may follow
	timer            *time.Timer // until it does
	paid             bool        // for, by the failure of the previous attempt
	ended            chan *attempt
}

// run makes attempts until one decides the call, or no attempt is left. It returns the last one.
func (h *hedgedCall) run() (last *attempt) {
	h.timer = time.NewTimer(h.delay)
	defer h.timer.Stop()
	h.start()
	for gone := h.ctx.Done(); h.running > 0 || h.more; {
		select {
		case last = <-h.ended:
			h.running--
			if h.judge(last) {
				return last
			}
		case <-h.timer.C:
			h.hedge()
		case <-gone:
			gone, h.more = nil, false // attempts that run will say why
			if h.running == 0 {
				last.err = status.FromContextError(h.ctx.Err()).Err()
			}
		}
	}
	return last
}

// start makes an attempt.
func (h *hedgedCall) start() {
	a := &attempt{previous: h.started}
	h.started++
	h.running++
	h.more = h.started < h.attempts
	go a.run(h)
}

// hedge starts an additional attempt if the policy and the budget allow it.
func (h *hedgedCall) hedge() {
	if h.more = h.more && h.budget.allows(); !h.more {
		return
	}
	if !h.paid {
		h.budget.spend()
	}
	h.paid = false
	h.start()
	h.next(h.delay)
}

// next schedules the next attempt, if there is one.
func (h *hedgedCall) next(wait time.Duration) {
	if h.more {
		h.timer.Reset(wait)
	}
}

// judge reports whether an attempt decides the call. If not, the next one starts at once, or when
// the server says.
func (h *hedgedCall) judge(a *attempt) (decided bool) {
	if a.err == nil {
		h.budget.earn()
		return true
	}
	if a.panic != nil || h.ctx.Err() != nil || !h.nonFatal.has(status.Code(a.err)) {
		return true
	}
	h.budget.spend()
	h.paid = true
	wait, again := pushback(a.trailer)
	if deadline, ok := h.ctx.Deadline(); ok && time.Until(deadline) < wait {
		again = false
	}
	h.more = h.more && again
	h.next(wait)
	return false
}

// join waits for the attempts that are still running and raises their panics.
func (h *hedgedCall) join(winner *attempt) {
	raised := winner.panic
	for ; h.running > 0; h.running-- {
		if a := <-h.ended; raised == nil {
			raised = a.panic
		}
	}
	if raised != nil {
		panic(raised)
	}
}

// pushback reads the server's instruction for the next attempt from its trailer: how long to wait
// (0 if it has none), or false to stop.
func pushback(trailer metadata.MD) (wait time.Duration, again bool) {
	values := trailer.Get("grpc-retry-pushback-ms")
	if len(values) == 0 {
		return 0, true
	}
	ms, err := parseInt32(values[0])
	return time.Duration(ms) * time.Millisecond, len(values) == 1 && err == nil && ms >= 0
}

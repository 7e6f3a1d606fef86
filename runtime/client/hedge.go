package client

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// hedgeUnary makes a call in one or more attempts (gRFC A6). It returns when all attempts have
// returned: no goroutine is running, and nothing reads req.
func hedgeUnary[Resp any](
	ctx context.Context, m *Method, req any, options []grpc.CallOption, call *observedCall,
) (*Resp, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h := &hedgedCall{
		hedging: m.hedging, method: m, ctx: ctx, req: req, options: options, observed: call,
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
	call.exchanged()
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
	observed    *observedCall

	started, running int
	more             bool        // another attempt may follow
	timer            *time.Timer // until it does
	paid             bool        // for, by the failure of the previous attempt
	ended            chan *attempt
}

// run makes attempts until one decides the call, or all of them have failed. It returns the last
// one.
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
	if h.observed != nil {
		h.observed.attempted()
	}
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

// parseInt32 parses a 32-bit number, the size that gRPC metadata uses.
func parseInt32(text string) (int32, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	return int32(n), err
}

// previousAttempts is the metadata key that sends a server the number of previous attempts (gRFC
// A6).
const previousAttempts = "grpc-previous-rpc-attempts"

// attempt is one attempt of a hedged call. Its results are its own until the call is decided.
type attempt struct {
	previous int // how many were made before

	resp    any
	err     error
	header  metadata.MD
	trailer metadata.MD
	peer    peer.Peer
	panic   *RequestPanic
}

// run makes the attempt and reports its end.
func (a *attempt) run(h *hedgedCall) {
	returned := false
	defer func() {
		if !returned {
			a.failed(h.method, recover())
		}
		h.ended <- a
	}()
	a.resp = h.newResponse()
	a.err = h.method.conn.Invoke(
		a.context(h.ctx), h.method.info.FullMethod, h.req, a.resp, a.callOptions(h.options)...)
	returned = true
}

// failed records why the connection's Invoke did not return.
func (a *attempt) failed(m *Method, value any) {
	a.err = m.misuse("an interceptor ended its goroutine, as a test's FailNow does; return an error instead")
	if value == nil {
		return
	}
	a.panic = requestPanicOf(value)
}

// context returns the attempt's context, with the number of previous attempts.
func (a *attempt) context(ctx context.Context) context.Context {
	if a.previous == 0 {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, previousAttempts, strconv.Itoa(a.previous))
}

// callOptions returns options that write to the attempt instead of the caller's variables,
// because attempts run concurrently.
func (a *attempt) callOptions(options []grpc.CallOption) []grpc.CallOption {
	own := make([]grpc.CallOption, 0, len(options)+3)
	for _, option := range options {
		switch option.(type) {
		case grpc.HeaderCallOption, grpc.TrailerCallOption, grpc.PeerCallOption, grpc.OnFinishCallOption:
		default:
			own = append(own, option)
		}
	}
	return append(own, grpc.Header(&a.header), grpc.Trailer(&a.trailer), grpc.Peer(&a.peer))
}

// fill writes the results to the caller's variables.
func (a *attempt) fill(options []grpc.CallOption) {
	for _, option := range options {
		switch option := option.(type) {
		case grpc.HeaderCallOption:
			*option.HeaderAddr = a.header.Copy()
		case grpc.TrailerCallOption:
			*option.TrailerAddr = a.trailer.Copy()
		case grpc.PeerCallOption:
			*option.PeerAddr = a.peer
		case grpc.OnFinishCallOption:
			option.OnFinish(a.err)
		}
	}
}

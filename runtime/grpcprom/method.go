package grpcprom

import (
	"context"
	"sync/atomic"

	"github.com/grpcservice/grpcservice/runtime"
)

// method is what is counted of the calls of a method.
type method struct {
	methodKey
	metrics *Metrics

	started, received, sent atomic.Uint64
	attempts                atomic.Uint64           // besides the first ones
	expected                atomic.Uint32           // a bit for each code whose series exist at zero
	finished                []atomic.Pointer[tally] // for each combination of values of labels
	live                    *liveCalls              // nil for unary calls
	rejections              rejections
}

func newMethod(m *Metrics, key methodKey) *method {
	made := &method{
		methodKey: key, metrics: m,
		finished: make([]atomic.Pointer[tally], combinations(m.labels)),
	}
	if key.kind != runtime.KindUnary {
		made.live = newLiveCalls()
	}
	return made
}

// Begin implements [runtime.MethodObserver].
func (m *method) Begin(ctx context.Context, call runtime.Call) context.Context {
	m.started.Add(1)
	if m.live != nil {
		m.live.add(call)
	}
	return ctx
}

// End implements [runtime.MethodObserver].
func (m *method) End(ctx context.Context, call runtime.Call, outcome runtime.Outcome) {
	t := m.tally(combination(m.metrics, ctx))
	t.handled[codeOf(outcome.Err)].Add(1)
	if outcome.Step != "" {
		m.rejections.of(outcome.Step, outcome.Err).Add(1)
	}
	if l := m.metrics.layout; l != nil {
		cell := t.observe(l, outcome.Duration)
		if m.metrics.exemplars != nil {
			m.exemplify(ctx, t, cell, call.Start().Add(outcome.Duration), outcome.Duration)
		}
	}
	m.countMessages(call) // last: it may be a Call of another observer, and panic
}

func (m *method) countMessages(call runtime.Call) {
	if m.live != nil {
		m.live.remove(call)
		return
	}
	m.received.Add(count(call.Received()))
	m.sent.Add(m.unarySent(call))
}

// unarySent returns the messages that a unary call has sent. As with go-grpc-middleware, a client
// has sent its request, whatever has become of it.
func (m *method) unarySent(call runtime.Call) uint64 {
	if m.side == clientSide {
		return 1
	}
	return count(call.Sent())
}

// count returns a number of messages of a [runtime.Call].
func count(n int64) uint64 { return uint64(max(n, 0)) }

// tally returns the tally of a combination of values of labels.
func (m *method) tally(at int) *tally {
	if t := m.finished[at].Load(); t != nil {
		return t
	}
	m.finished[at].CompareAndSwap(nil, newTally(m.metrics))
	return m.finished[at].Load()
}

// clientMethod also counts attempts.
type clientMethod struct{ *method }

// Attempt implements [runtime.AttemptObserver].
func (c clientMethod) Attempt(context.Context, runtime.Call, int) { c.attempts.Add(1) }

package operation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// handler runs one attempt at an operation of its method.
type handler func(ctx context.Context, a *attempt) ending

// ending is the result of an attempt's work.
type ending struct {
	response []byte // an encoded Any, where err is nil
	metadata []byte // nil leaves what was saved
	err      error
	again    *tryAgain // in err; nil for none
	panicked bool
}

// attempt is one attempt at an operation, from its claim until it is done or released.
type attempt struct {
	m      *Manager
	op     *Record // as it was claimed
	log    *slog.Logger
	start  time.Time
	ctx    context.Context // of the work
	cancel context.CancelCauseFunc
	held   context.Context // ends when the lease is lost
	lose   context.CancelFunc
	over   context.CancelFunc // ends all of it

	lease *time.Timer // until the lease is lost, for all that this process knows

	mu        sync.Mutex
	cancelled bool
	stopping  bool
}

// newAttempt returns the attempt at an operation that was claimed with a request sent at the
// given time. It counts as running.
func newAttempt(m *Manager, op *Record, sent time.Time) *attempt {
	a := &attempt{m: m, op: op, start: time.Now(), cancelled: !op.CancelTime.IsZero()}
	base := m.contextOf(op)
	a.log = m.config.logger.With(slog.String(logMethod, strings.TrimPrefix(op.Method, "/")),
		slog.String(logOperation, op.Name), slog.Int(logAttempt, op.Attempt))
	a.held, a.lose = context.WithCancel(context.WithoutCancel(base))
	a.over = func() {}
	if op.Timeout > 0 {
		left := op.StartTime.Add(op.Timeout).Sub(op.UpdateTime) // both of the store's clock, UpdateTime that of the claim
		base, a.over = context.WithDeadlineCause(base, sent.Add(left), errTimedOut)
	}
	a.ctx, a.cancel = context.WithCancelCause(base)
	a.lease = time.AfterFunc(time.Until(sent.Add(op.Lease)), a.loseLease)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running[op.Name] = a
	return a
}

// run runs the attempt.
func (a *attempt) run() {
	defer a.end()
	if e, ended := a.endedBefore(); ended {
		a.settle(e)
		return
	}
	a.settle(a.keep(a.startWork()))
}

// end releases the resources of the attempt.
func (a *attempt) end() {
	a.m.mu.Lock()
	if a.m.running[a.op.Name] == a {
		delete(a.m.running, a.op.Name)
	}
	a.m.mu.Unlock()
	a.lease.Stop()
	a.lose()
	a.cancel(nil)
	a.over()
	a.m.wakeUp() // others may have waited for its conflict key
}

// endedBefore returns the ending of an operation whose work does not need to start.
func (a *attempt) endedBefore() (e ending, ended bool) {
	cancelled, stopping := a.asked()
	switch {
	case cancelled:
		return ending{err: ErrCancelled}, true
	case stopping:
		return ending{err: ErrStopping}, true
	case a.ctx.Err() != nil: // the time is up
		return ending{err: context.Cause(a.ctx)}, true
	case a.op.Attempt > a.op.MaxAttempts:
		return ending{err: exhausted()}, true
	}
	return e, false
}

// startWork starts the work in a separate goroutine, and returns a channel that receives its
// ending.
func (a *attempt) startWork() <-chan ending {
	done := make(chan ending, 1)
	go func() {
		e := ending{err: errLeft, panicked: true}
		defer func() { done <- e }()
		defer func() {
			if value := recover(); value != nil {
				a.log.LogAttrs(a.ctx, slog.LevelError, "panic", slog.Any("panic", value), slog.String("stack", string(debug.Stack())))
				e = ending{err: fmt.Errorf("panic: %v", value), panicked: true}
			}
		}()
		work := a.m.handlerOf(a.op.Method)
		e = work(a.ctx, a)
		errors.As(e.err, &e.again) // here, as methods of an error may panic: those of a nil pointer that was made one
	}()
	return done
}

// errLeft is the error until the work returns.
var errLeft = errors.New("the work ended its goroutine, as a test's FailNow does; return an error instead")

// asked reports what was requested of the work.
func (a *attempt) asked() (cancelled, stopping bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cancelled, a.stopping
}

// cancelWork notifies the work that the operation is cancelled.
func (a *attempt) cancelWork() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cancelled = true
	a.cancel(ErrCancelled)
}

// stopWork notifies the work that the process is stopping.
func (a *attempt) stopWork() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopping = true
	a.cancel(ErrStopping)
}

// loseLease notifies the work that another worker has the operation.
func (a *attempt) loseLease() {
	a.lose()
	a.cancel(ErrLeaseLost)
}

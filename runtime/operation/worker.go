package operation

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Run runs operations until ctx ends. Then it claims no more, ends the running work with
// [ErrStopping] as the cause of its context, releases unfinished operations so that another
// process can continue them at once, and returns when all work has returned. [Register] makes a
// server.Server call it.
//
// It returns an error if the manager's options or handlers have a mistake, or if it runs already.
func (m *Manager) Run(ctx context.Context) error {
	if err := m.startRunning(); err != nil {
		return err
	}
	var work sync.WaitGroup
	work.Go(func() { m.expire(ctx) })
	slots, waker := make(chan struct{}, m.config.workers), waker{m: m}
	for m.takeSlot(ctx, slots) {
		free := 1 + m.takeMore(slots)
		waker.before()
		claimed := m.claim(ctx, free)
		waker.after(len(claimed.ops))
		for range free - len(claimed.ops) {
			<-slots
		}
		for _, op := range claimed.ops {
			a := m.newAttempt(op, claimed.sent)
			work.Go(func() {
				defer func() { <-slots }()
				defer m.end(a)
				a.run()
			})
		}
		if len(claimed.ops) < free {
			waker.rest(ctx)
		}
	}
	m.stopWork()
	defer time.AfterFunc(stubborn, m.tellRunning).Stop()
	work.Wait()
	return nil
}

// startRunning returns an error if the manager cannot run.
func (m *Manager) startRunning() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ran {
		return errors.New("operation: the manager runs already or has run; Register makes a server.Server call Run")
	}
	m.ran = true
	return errors.Join(m.config.misuse(), errors.Join(m.errs...))
}

// takeSlot waits for a free slot. It returns false if ctx ends first.
func (m *Manager) takeSlot(ctx context.Context, slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	if ctx.Err() != nil { // of two that are ready, select takes any
		<-slots
		return false
	}
	return true
}

// takeMore takes all free slots and returns their number.
func (m *Manager) takeMore(slots chan struct{}) (n int) {
	for {
		select {
		case slots <- struct{}{}:
			n++
		default:
			return n
		}
	}
}

// claims are the operations of one claim, sent at a time.
type claims struct {
	ops  []*Record
	sent time.Time
}

// claim claims operations from the store. It finishes even if ctx ends: an operation that was
// claimed unnoticed would wait until its lease expires.
func (m *Manager) claim(ctx context.Context, n int) (c claims) {
	methods := m.methods()
	if len(methods) == 0 || m.config.startOnly {
		return c
	}
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), claimTimeout)
	defer cancel()
	var err error
	c.sent = time.Now()
	if c.ops, err = m.store.Claim(asking, methods, n); err != nil {
		m.config.logger.LogAttrs(ctx, slog.LevelWarn, "operations not claimed", slog.Any("error", err))
	}
	return c
}

// newAttempt returns an attempt at an operation that was claimed with a request sent at the given
// time. It counts as running until end.
func (m *Manager) newAttempt(op *Record, sent time.Time) *attempt {
	a := &attempt{
		store: m.store, config: &m.config, work: m.handlerOf(op.Method), op: op,
		counts: m.countsOf(op.Method),
	}
	a.begin(m.contextOf(op), sent)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running[op.Name] = a
	return a
}

// end ends an attempt, whose conflict key other operations may wait for. One that was released is
// due again later.
func (m *Manager) end(a *attempt) {
	m.mu.Lock()
	if m.running[a.op.Name] == a {
		delete(m.running, a.op.Name)
	}
	m.mu.Unlock()
	a.end()
	m.wakeUp()
	if a.again > 0 {
		time.AfterFunc(a.again, m.wakeUp)
	}
}

// jitter returns about d, so that processes do not poll in step.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// expireBatch is how many operations are removed at a time, to keep the transactions of a store
// short.
const expireBatch = 1000

// expire removes expired operations from time to time until ctx ends.
func (m *Manager) expire(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := m.store.Expire(ctx, expireBatch)
		if err != nil && ctx.Err() == nil {
			m.config.logger.LogAttrs(ctx, slog.LevelWarn, "expired operations not removed", slog.Any("error", err))
		}
		if n == expireBatch && err == nil {
			continue
		}
		select {
		case <-time.After(jitter(time.Minute)):
		case <-ctx.Done():
		}
	}
}

// stubborn is how long work may take to end before the log names it.
const stubborn = 5 * time.Second

// tellRunning logs the work that has not ended while the manager stops.
func (m *Manager) tellRunning() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, a := range m.running {
		m.config.logger.LogAttrs(a.ctx, slog.LevelWarn, "work has not returned although its context has ended",
			slog.String(logOperation, name))
	}
}

// stopWork makes all work end.
func (m *Manager) stopWork() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.running {
		a.stopWork()
	}
}

// attemptAt returns the attempt at an operation that runs here, or nil.
func (m *Manager) attemptAt(name string) *attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running[name]
}

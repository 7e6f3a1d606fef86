package operation

import (
	"context"
	"time"
)

// Claim implements [Store].
func (m *memory) Claim(_ context.Context, methods []string, n int) (claimed []*Record, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for len(claimed) < n {
		e := m.nextDue(methods, now)
		if e == nil {
			break
		}
		claimed = append(claimed, m.change(e, now, func(r *Record) {
			r.LeaseUntil = now.Add(r.Lease)
			r.Fence++
			r.Attempt++
			if r.StartTime.IsZero() {
				r.StartTime = now
			}
		}))
	}
	return claimed, nil
}

// nextDue returns the operation of the methods that has been due the longest, or nil.
func (m *memory) nextDue(methods []string, now time.Time) (next *entry) {
	for _, method := range methods {
		q := m.due[method]
		if q == nil {
			continue
		}
		if e := q.first(now); e != nil && (next == nil || e.before(next)) {
			next = e
		}
	}
	return next
}

// held returns an operation that is held with a fence.
func (m *memory) held(name string, fence int64) (*entry, error) {
	e := m.ops[name]
	if e == nil || e.rec.Fence != fence || e.rec.LeaseUntil.IsZero() { // what is done has no lease
		return nil, ErrLeaseLost
	}
	return e, nil
}

// Renew implements [Store].
func (m *memory) Renew(_ context.Context, name string, fence int64) (cancelled bool, err error) {
	return m.keep(name, fence, func(r *Record, now time.Time) { r.LeaseUntil = now.Add(r.Lease) })
}

// Save implements [Store].
func (m *memory) Save(_ context.Context, name string, fence int64, p Progress) (cancelled bool, err error) {
	return m.keep(name, fence, func(r *Record, _ time.Time) {
		if p.Metadata != nil {
			r.Metadata = p.Metadata
		}
		if p.Checkpoint != nil {
			r.Checkpoint = p.Checkpoint
		}
	})
}

// keep modifies an operation that is held.
func (m *memory) keep(name string, fence int64, f func(r *Record, now time.Time)) (cancelled bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, err := m.held(name, fence)
	if err != nil {
		return false, err
	}
	now := time.Now()
	next := changedRecord(e.rec, now, func(r *Record) { f(r, now) })
	if growth := sizeOf(next) - sizeOf(e.rec); !m.ledger.MayGrow(next.Principal, growth) {
		return false, m.full("progress", growth)
	}
	m.replace(e, next)
	return !next.CancelTime.IsZero(), nil
}

// Finish implements [Store].
func (m *memory) Finish(_ context.Context, name string, fence int64, r Result) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, err := m.held(name, fence)
	if err != nil {
		return err
	}
	_, err = m.finish(e, time.Now(), r)
	return err
}

// Release implements [Store].
func (m *memory) Release(_ context.Context, name string, fence int64, again Again) error {
	_, err := m.keep(name, fence, func(r *Record, now time.Time) {
		r.LeaseUntil, r.RunAfter = time.Time{}, now.Add(again.After)
		if again.Uncounted {
			r.Attempt--
		}
	})
	return err
}

// RequestCancel implements [Store].
func (m *memory) RequestCancel(_ context.Context, name string, r Result) (*Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.ops[name]
	if e == nil {
		return nil, ErrNotFound
	}
	if e.rec.Done() {
		return e.rec, nil
	}
	now := time.Now()
	if e.rec.CancelTime.IsZero() {
		m.change(e, now, func(r *Record) { r.CancelTime = now })
	}
	if e.rec.LeaseUntil.After(now) {
		return e.rec, nil
	}
	return m.finish(e, now, r)
}

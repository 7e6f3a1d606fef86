package operation

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Create implements [Store].
func (m *memory) Create(_ context.Context, op *Record, queue bool) (stored *Record, created bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.requests[requestKeyOf(op)]; e != nil && op.IdempotencyKey != "" {
		return e.rec, false, nil
	}
	if held := m.conflicts[op.ConflictKey]; len(held) > 0 && !queue { // nothing is held under the empty key
		return nil, false, &ConflictError{Other: held[0].rec}
	}
	e := m.newEntry(op)
	if size := sizeOf(e.rec); !m.ledger.MayStart(op.Principal, size) {
		return nil, false, m.full("an operation", size)
	}
	m.insert(e)
	return e.rec, true, nil
}

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
	m.mu.Lock()
	defer m.mu.Unlock()
	e, err := m.held(name, fence)
	if err != nil {
		return false, err
	}
	return m.keep(e, func(r *Record, now time.Time) { r.LeaseUntil = now.Add(r.Lease) })
}

// Save implements [Store].
func (m *memory) Save(_ context.Context, name string, fence int64, p Progress) (cancelled bool, err error) {
	if p.Number <= 0 {
		return false, fmt.Errorf("operation: a save has the number %d; pass one above Record.Saves",
			p.Number)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e, err := m.held(name, fence)
	switch {
	case err != nil:
		return false, err
	case p.Number < e.rec.Saves:
		return false, ErrSuperseded
	case p.Number == e.rec.Saves: // repeated
		return !e.rec.CancelTime.IsZero(), nil
	}
	return m.keep(e, func(r *Record, _ time.Time) {
		r.Saves = p.Number
		if p.Metadata != nil {
			r.Metadata = p.Metadata
		}
		if p.Checkpoint != nil {
			r.Checkpoint = p.Checkpoint
		}
	})
}

// keep modifies an operation that is held.
func (m *memory) keep(e *entry, f func(r *Record, now time.Time)) (cancelled bool, err error) {
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
	m.mu.Lock()
	defer m.mu.Unlock()
	e, err := m.held(name, fence)
	if err != nil {
		return err
	}
	_, err = m.keep(e, func(r *Record, now time.Time) {
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

// Get implements [Store].
func (m *memory) Get(_ context.Context, name string) (*Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.ops[name]
	if e == nil {
		return nil, ErrNotFound
	}
	return e.rec, nil
}

// List implements [Store].
func (m *memory) List(_ context.Context, q Query) (found []*Record, more bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	limit, bytes := q.limits()
	for name := range m.names.from(max(q.Prefix, q.After)) {
		if !strings.HasPrefix(name, q.Prefix) {
			break
		}
		r := m.ops[name].rec
		if name <= q.After || !q.takes(r) {
			continue
		}
		if bytes -= r.Bytes(); len(found) == limit || bytes < 0 && len(found) > 0 {
			return found, true, nil
		}
		found = append(found, r)
	}
	return found, false, nil
}

// Delete implements [Store].
func (m *memory) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, err := m.visible(name)
	if err != nil {
		return err
	}
	if e.rec.Done() {
		m.remove(e)
		return nil
	}
	now := time.Now()
	m.change(e, now, func(r *Record) { r.DeleteTime = now })
	e.notify()
	return nil
}

// Expire implements [Store].
func (m *memory) Expire(_ context.Context, n int) (expired int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for expired < n {
		e := m.done.first(now)
		if e == nil {
			break
		}
		m.remove(e)
		expired++
	}
	return expired, nil
}

// Count implements [Store].
func (m *memory) Count(context.Context) ([]Count, error) {
	type group struct {
		method string
		phase  Phase
	}
	now, counts := time.Now(), make(map[group]*Count)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.ops {
		if e.rec.Done() {
			continue
		}
		in := group{e.rec.Method, phaseOf(e.rec, now)}
		count := counts[in]
		if count == nil {
			count = &Count{Method: in.method, Phase: in.phase, Oldest: e.rec.CreateTime}
			counts[in] = count
		}
		count.Number++
		if e.rec.CreateTime.Before(count.Oldest) {
			count.Oldest = e.rec.CreateTime
		}
	}
	all := make([]Count, 0, len(counts))
	for _, count := range counts {
		all = append(all, *count)
	}
	return all, nil
}

// phaseOf returns the phase of an operation that is not done.
func phaseOf(r *Record, now time.Time) Phase {
	switch {
	case r.LeaseUntil.IsZero():
		return Waiting
	case r.LeaseUntil.After(now):
		return Running
	default:
		return Expired
	}
}

// Watch implements [Store].
func (m *memory) Watch(_ context.Context, seen *Record) (<-chan struct{}, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, err := m.visible(seen.Name)
	if err != nil || e.rec.Done() != seen.Done() || e.rec.CancelTime.IsZero() != seen.CancelTime.IsZero() {
		closed := make(chan struct{})
		close(closed)
		return closed, nil
	}
	if e.news == nil {
		e.news = make(chan struct{})
	}
	return e.news, nil
}

// visible returns an operation that was not deleted.
func (m *memory) visible(name string) (*entry, error) {
	e := m.ops[name]
	if e == nil || !e.rec.DeleteTime.IsZero() {
		return nil, ErrNotFound
	}
	return e, nil
}

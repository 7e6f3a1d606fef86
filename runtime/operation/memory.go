package operation

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/share"
)

// DefaultMaxBytes is the default maximum size of the operations in [Memory], including an
// estimate of Go's overhead.
const DefaultMaxBytes = 64 << 20

// MemoryOption configures the store of [Memory].
type MemoryOption func(*memory)

// WithMaxBytes sets the maximum size of the operations in bytes, instead of [DefaultMaxBytes]:
// the contents of their records, and Go's overhead of less than three kilobytes each.
func WithMaxBytes(n int) MemoryOption { return func(m *memory) { m.maxBytes = max(0, n) } }

// Memory returns a store in the memory of this process: operations end with the process, and
// other processes do not see them. Use it for tests, and for services with one replica whose
// operations may be lost. It is bounded by [WithMaxBytes], which principals share as [Store]
// requires.
func Memory(opts ...MemoryOption) Store {
	m := &memory{
		maxBytes:  DefaultMaxBytes,
		ops:       make(map[string]*entry),
		requests:  make(map[requestKey]*entry),
		conflicts: make(map[string][]*entry),
		due:       make(map[string]*queue),
		done:      queue{slot: byTime},
		kept:      make(map[string]*queue),
	}
	for _, opt := range opts {
		opt(m)
	}
	m.ledger = share.NewLedger(m.maxBytes)
	return m
}

// memory is the store of [Memory]. Records are replaced, never modified, so they can be returned
// without a copy.
type memory struct {
	mu        sync.Mutex
	maxBytes  int
	created   int64                 // how many there have been
	newest    time.Time             // when the last one was
	ops       map[string]*entry     // by name
	names     []string              // of ops, sorted
	requests  map[requestKey]*entry // those with an idempotency key
	conflicts map[string][]*entry   // those not done, the oldest first, by conflict key
	due       map[string]*queue     // those that can be claimed, now or later, by method
	done      queue                 // by when they expire
	kept      map[string]*queue     // those of done, by principal
	ledger    *share.Ledger         // of all; those of done are its kept ones
}

// requestKey identifies a request with an idempotency key.
type requestKey struct{ method, principal, id string }

func requestKeyOf(r *Record) requestKey { return requestKey{r.Method, r.Principal, r.IdempotencyKey} }

// change replaces the record of e by one that f has modified, and moves e to its queues.
func (m *memory) change(e *entry, now time.Time, f func(r *Record)) *Record {
	m.replace(e, changedRecord(e.rec, now, f))
	return e.rec
}

// changedRecord returns a copy of a record that f has modified.
func changedRecord(r *Record, now time.Time, f func(r *Record)) *Record {
	next := *r
	f(&next)
	next.UpdateTime = now
	return &next
}

// replace replaces the record of e, and moves e to its queues.
func (m *memory) replace(e *entry, next *Record) {
	last := e.rec
	m.count(last, -1)
	e.rec = next
	m.count(next, 1)
	m.makeRoom() // for what e has become, which is in no queue of done ones yet where it was not done
	m.place(e)
	if next.Done() != last.Done() || next.CancelTime.IsZero() != last.CancelTime.IsZero() {
		e.tell()
	}
}

// place adds e to its queues.
func (m *memory) place(e *entry) {
	m.leave(e)
	if to, at := m.queueOf(e); to != nil {
		to.add(e, at)
	}
	if e.rec.Done() {
		own := m.kept[e.rec.Principal]
		if own == nil {
			own = &queue{slot: byOwner}
			m.kept[e.rec.Principal] = own
		}
		own.add(e, e.at)
	}
}

// leave removes e from its queues.
func (m *memory) leave(e *entry) {
	e.leave(byTime)
	if own := e.in[byOwner]; own != nil {
		if e.leave(byOwner); own.Len() == 0 {
			delete(m.kept, e.rec.Principal)
		}
	}
}

// queueOf returns the queue of e and its time in it: when it is due, or when it expires. An
// operation that waits for others of its conflict key is in none.
func (m *memory) queueOf(e *entry) (*queue, time.Time) {
	r := e.rec
	if r.Done() {
		if r.ExpireTime.IsZero() {
			return &m.done, forever
		}
		return &m.done, r.ExpireTime
	}
	q := m.due[r.Method]
	if q == nil {
		q = &queue{slot: byTime}
		m.due[r.Method] = q
	}
	switch {
	case !r.LeaseUntil.IsZero():
		return q, r.LeaseUntil
	case !r.CancelTime.IsZero():
		return q, r.CancelTime
	case r.ConflictKey != "" && m.conflicts[r.ConflictKey][0] != e:
		return nil, time.Time{}
	}
	return q, r.RunAfter
}

// forever is after all times.
var forever = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)

// endedRecord returns the record of an operation that has ended with r.
func endedRecord(rec *Record, now time.Time, r Result) *Record {
	return changedRecord(rec, now, func(rec *Record) {
		rec.Response, rec.Status = r.Response, r.Status
		if r.Metadata != nil {
			rec.Metadata = r.Metadata
		}
		rec.DoneTime, rec.LeaseUntil = now, time.Time{}
		rec.Request, rec.Checkpoint = nil, nil // not needed any more
		if rec.Retain >= 0 {
			rec.ExpireTime = now.Add(rec.Retain)
		}
	})
}

// finish ends the operation of e, and releases its conflict key.
func (m *memory) finish(e *entry, now time.Time, r Result) (*Record, error) {
	next := endedRecord(e.rec, now, r)
	if !m.ledger.MayKeep(next.Principal, sizeOf(e.rec), sizeOf(next)) {
		return nil, m.full("a result", sizeOf(next))
	}
	m.replace(e, next)
	if key := next.ConflictKey; key != "" {
		m.conflicts[key] = slices.DeleteFunc(m.conflicts[key], func(other *entry) bool { return other == e })
		if waiting := m.conflicts[key]; len(waiting) > 0 {
			m.place(waiting[0])
		} else {
			delete(m.conflicts, key)
		}
	}
	if !next.DeleteTime.IsZero() {
		m.remove(e)
	}
	return next, nil
}

// remove removes a done operation.
func (m *memory) remove(e *entry) {
	m.leave(e)
	m.count(e.rec, -1)
	e.tell()
	delete(m.ops, e.rec.Name)
	if i, ok := slices.BinarySearch(m.names, e.rec.Name); ok {
		m.names = slices.Delete(m.names, i, i+1)
	}
	if e.rec.IdempotencyKey != "" {
		delete(m.requests, requestKeyOf(e.rec))
	}
}

// visible returns an operation that was not deleted.
func (m *memory) visible(name string) (*entry, error) {
	e := m.ops[name]
	if e == nil || !e.rec.DeleteTime.IsZero() {
		return nil, ErrNotFound
	}
	return e, nil
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
	first, _ := slices.BinarySearch(m.names, max(q.Prefix, q.After))
	for _, name := range m.names[first:] {
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

// takes reports whether an operation matches a query, apart from its name.
func (q Query) takes(r *Record) bool {
	return (q.Deleted || r.DeleteTime.IsZero()) &&
		(q.Principal == nil || r.Principal == *q.Principal) &&
		(q.Method == "" || r.Method == q.Method) &&
		(q.ConflictKey == "" || r.ConflictKey == q.ConflictKey) &&
		(q.Done == nil || r.Done() == *q.Done)
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
	e.tell()
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

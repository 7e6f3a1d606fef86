package operation

import (
	"fmt"
	"slices"
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
	names     nameSet               // of ops
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
		e.notify()
	}
}

// place adds e to its queues.
func (m *memory) place(e *entry) {
	m.dequeue(e)
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

// dequeue removes e from its queues.
func (m *memory) dequeue(e *entry) {
	e.dequeue(byTime)
	if own := e.in[byOwner]; own != nil {
		if e.dequeue(byOwner); own.Len() == 0 {
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
		waiting := withoutEntry(m.conflicts[key], e)
		m.conflicts[key] = waiting
		if len(waiting) > 0 {
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

// withoutEntry removes an entry. The first one, which runs, is removed without moving the others.
func withoutEntry(entries []*entry, e *entry) []*entry {
	if entries[0] == e {
		entries[0] = nil
		return entries[1:]
	}
	return slices.DeleteFunc(entries, func(other *entry) bool { return other == e })
}

// remove removes a done operation.
func (m *memory) remove(e *entry) {
	m.dequeue(e)
	m.count(e.rec, -1)
	e.notify()
	delete(m.ops, e.rec.Name)
	m.names.remove(e.rec.Name)
	if e.rec.IdempotencyKey != "" {
		delete(m.requests, requestKeyOf(e.rec))
	}
}

// newEntry returns an operation created now.
func (m *memory) newEntry(op *Record) *entry {
	now := time.Now()
	e := &entry{order: m.created + 1, rec: startOf(op, now)}
	if !now.After(m.newest) { // a clock may stand still
		e.rec.CreateTime = m.newest.Add(1)
	}
	return e
}

func (m *memory) insert(e *entry) {
	op := e.rec
	m.created, m.newest = e.order, op.CreateTime
	m.count(op, 1)
	m.makeRoom()
	m.ops[op.Name] = e
	m.names.add(op.Name)
	if op.IdempotencyKey != "" {
		m.requests[requestKeyOf(op)] = e
	}
	if op.ConflictKey != "" {
		m.conflicts[op.ConflictKey] = append(m.conflicts[op.ConflictKey], e)
	}
	m.place(e)
}

// startOf returns op as an operation created now.
func startOf(op *Record, now time.Time) *Record {
	r := *op
	r.CreateTime, r.UpdateTime, r.RunAfter = now, now, now
	r.StartTime, r.LeaseUntil, r.CancelTime = time.Time{}, time.Time{}, time.Time{}
	r.DoneTime, r.ExpireTime, r.DeleteTime = time.Time{}, time.Time{}, time.Time{}
	r.Attempt, r.Fence, r.Saves = 0, 0, 0
	return &r
}

// recordSize is the approximate memory of an operation without its record's contents, including
// that of a principal with a single operation.
const recordSize = 2048

// sizeOf returns the size of a record in bytes. For an operation that is not done, it includes
// the shortest status of its end.
func sizeOf(r *Record) int {
	size := r.Bytes() + 2*len(r.Name) + len(r.Method) + len(r.Principal) + len(r.IdempotencyKey) + len(r.ConflictKey)
	for _, scope := range r.Scopes {
		size += len(scope) + 16 // with the string's header
	}
	for key, value := range r.Carrier {
		size += len(key) + len(value) + 64 // with their place in the map
	}
	if !r.Done() {
		size += ReservedStatusBytes
	}
	return recordSize + size + size/8 // Go rounds up
}

// count adds or subtracts the size of a record from its principal's bytes.
func (m *memory) count(r *Record, sign int) {
	if r.Done() {
		m.ledger.Add(r.Principal, 0, sign*sizeOf(r))
		return
	}
	m.ledger.Add(r.Principal, sign*sizeOf(r), 0)
}

// makeRoom removes done operations until all fit, which the ledger has found to be possible. It
// takes them from the principal whose operations take most, those that expire first first.
func (m *memory) makeRoom() {
	for m.ledger.Full() {
		from := m.kept[m.ledger.Largest()]
		if from == nil {
			from = &m.done
		}
		e := from.first(forever)
		if e == nil {
			return
		}
		m.remove(e)
	}
}

// full returns the error for something that the store has no room for.
func (m *memory) full(what string, bytes int) error {
	return fmt.Errorf("%w: %s of %d bytes beside %d of %d", ErrFull, what, bytes, m.ledger.Bytes(), m.maxBytes)
}

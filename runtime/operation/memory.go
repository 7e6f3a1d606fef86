package operation

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// MemoryOption configures the store of [Memory].
type MemoryOption func(*memory)

// Capacity bounds how many operations the store keeps, in place of 100,000; below 1 it is 1. To make room it forgets done ones,
// the soonest to expire first; where all are running, it takes no more.
func Capacity(n int) MemoryOption { return func(m *memory) { m.capacity = max(1, n) } }

// Memory returns a store in the memory of this process: operations end with it, and no other process sees them. It is for tests,
// and for services of one replica whose operations may be lost.
func Memory(opts ...MemoryOption) Store {
	m := &memory{
		capacity:  100_000,
		ops:       make(map[string]*entry),
		requests:  make(map[requestKey]*entry),
		conflicts: make(map[string][]*entry),
		due:       make(map[string]*queue),
	}
	for _, opt := range opts {
		opt(m)
	}
	return m
}

// memory is the store of [Memory]. Records are replaced, never changed, so that they can be handed out as they are.
type memory struct {
	mu        sync.Mutex
	capacity  int
	created   int64                 // how many there have been
	newest    time.Time             // when the last one was
	ops       map[string]*entry     // by name
	names     []string              // of ops, sorted
	requests  map[requestKey]*entry // those with a request id
	conflicts map[string][]*entry   // those not done, the oldest first, by conflict key
	due       map[string]*queue     // those that can be claimed, now or later, by method
	done      queue                 // by when they expire
}

// requestKey is what tells a request with an id from others.
type requestKey struct{ method, principal, id string }

func requestKeyOf(r *Record) requestKey { return requestKey{r.Method, r.Principal, r.RequestID} }

// change replaces the record of e by one that f has changed, and moves e to where it belongs.
func (m *memory) change(e *entry, now time.Time, f func(r *Record)) *Record {
	next := *e.rec
	f(&next)
	next.UpdateTime = now
	news := next.Done() != e.rec.Done() || next.CancelTime.IsZero() != e.rec.CancelTime.IsZero()
	e.rec = &next
	m.place(e)
	if news {
		e.tell()
	}
	return e.rec
}

// place puts e into the queue that it belongs to.
func (m *memory) place(e *entry) {
	to, at := m.queueOf(e)
	if e.in != nil {
		e.in.remove(e)
	}
	if to != nil {
		to.add(e, at)
	}
}

// queueOf returns the queue for e and its time in it: when it is due, or when it expires. One that waits for others of its
// conflict key is in none.
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
		q = new(queue)
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

// finish ends the operation of e, and lets go of its conflict key.
func (m *memory) finish(e *entry, now time.Time, r Result) *Record {
	ended := m.change(e, now, func(rec *Record) {
		rec.Response, rec.Status = r.Response, r.Status
		if r.Metadata != nil {
			rec.Metadata = r.Metadata
		}
		rec.DoneTime, rec.LeaseUntil = now, time.Time{}
		rec.Checkpoint = nil // nobody goes on from it
		if rec.Retain >= 0 {
			rec.ExpireTime = now.Add(rec.Retain)
		}
	})
	if key := ended.ConflictKey; key != "" {
		m.conflicts[key] = slices.DeleteFunc(m.conflicts[key], func(other *entry) bool { return other == e })
		if waiting := m.conflicts[key]; len(waiting) > 0 {
			m.place(waiting[0])
		} else {
			delete(m.conflicts, key)
		}
	}
	if !ended.DeleteTime.IsZero() {
		m.remove(e)
	}
	return ended
}

// remove forgets an operation that is done.
func (m *memory) remove(e *entry) {
	e.in.remove(e)
	e.tell()
	delete(m.ops, e.rec.Name)
	if i, ok := slices.BinarySearch(m.names, e.rec.Name); ok {
		m.names = slices.Delete(m.names, i, i+1)
	}
	if e.rec.RequestID != "" {
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
func (m *memory) List(_ context.Context, q Query) (found []*Record, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if q.Limit <= 0 {
		q.Limit = 1000
	}
	first, _ := slices.BinarySearch(m.names, max(q.Prefix, q.After))
	for _, name := range m.names[first:] {
		if len(found) == q.Limit || !strings.HasPrefix(name, q.Prefix) {
			break
		}
		if r := m.ops[name].rec; name > q.After && q.takes(r) {
			found = append(found, r)
		}
	}
	return found, nil
}

// takes says whether a query asks for an operation, by what is not its name.
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

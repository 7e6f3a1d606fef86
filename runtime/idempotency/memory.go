package idempotency

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/share"
)

// DefaultMaxBytes is the default maximum size of the entries in [Memory], including an estimate of
// Go's overhead.
const DefaultMaxBytes = 64 << 20

// MemoryOption configures [Memory].
type MemoryOption func(*memory)

// WithMaxBytes sets the maximum size of the entries in bytes, instead of [DefaultMaxBytes]:
// texts, responses, and Go's overhead of less than a kilobyte per entry.
func WithMaxBytes(n int) MemoryOption {
	return func(m *memory) { m.maxBytes = max(0, n) }
}

// Memory returns a store in the memory of this process: for tests, and for a service with one
// replica that may lose its responses when it ends. It is bounded by [WithMaxBytes], which
// principals share as [Store] requires.
//
// In a transaction it stores a response through hooks: tx must have the methods OnCommit(func())
// and OnRollback(func()), and must call the function of one of them when the transaction has
// ended.
func Memory(opts ...MemoryOption) TxStore {
	m := &memory{
		entries: make(map[Key]*memoryEntry), maxBytes: DefaultMaxBytes,
		running: queue{slot: byTime}, done: queue{slot: byTime}, kept: make(map[string]*queue),
	}
	for _, opt := range opts {
		opt(m)
	}
	m.ledger = share.NewLedger(m.maxBytes)
	return m
}

// memory is a store with a single lock: each operation takes about a microsecond.
type memory struct {
	maxBytes int

	mu            sync.Mutex
	entries       map[Key]*memoryEntry
	running, done queue             // all entries, except for those that a transaction holds
	kept          map[string]*queue // those of done, by principal
	ledger        *share.Ledger     // of all entries; those of done are its kept ones
}

func (m *memory) Begin(_ context.Context, claim Claim) (Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if e, ok := m.entries[claim.Key]; ok {
		if e.holds(now) {
			return e.Entry, nil
		}
		m.remove(e)
	}
	e := &memoryEntry{Entry: Entry{Digest: claim.Digest, Fence: claim.Fence}, key: claim.Key, until: now.Add(claim.Lease)}
	m.sweep(now)
	mayStart := func() bool { return m.ledger.MayStart(e.key.Principal, e.size()) }
	if !mayStart() && !m.expire(now, mayStart) {
		return Entry{}, m.full("calls that run", e.size())
	}
	m.entries[e.key] = e
	m.ledger.Add(e.key.Principal, e.size(), 0)
	m.makeRoom(now)
	m.running.add(e)
	return e.Entry, nil
}

func (m *memory) Renew(_ context.Context, key Key, fence Fence, lease time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	switch {
	case !ok || e.Fence != fence || e.Done:
		return ErrLost
	case e.inTx:
		return nil
	}
	m.running.remove(e)
	e.until = time.Now().Add(lease)
	m.running.add(e)
	return nil
}

func (m *memory) Finish(_ context.Context, key Key, fence Fence, response []byte, window time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, err := m.claimed(key, fence)
	if err != nil {
		return err
	}
	now := time.Now()
	m.running.remove(e) // first, so that it does not expire if its lease is over
	mayKeep := func() bool { return m.ledger.MayKeep(key.Principal, e.size(), e.size()+responseSize(len(response))) }
	if !mayKeep() && !m.expire(now, mayKeep) {
		m.running.add(e)
		return m.full("a response", len(response))
	}
	m.complete(e, response, now.Add(window))
	return nil
}

func (m *memory) Release(_ context.Context, key Key, fence Fence) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	switch {
	case !ok || e.Fence != fence || e.Done:
	case e.inTx:
		e.released = true
	default:
		m.remove(e)
	}
	return nil
}

// claimed returns the entry of a call that is running and not part of a transaction yet.
func (m *memory) claimed(key Key, fence Fence) (*memoryEntry, error) {
	e, ok := m.entries[key]
	if !ok || e.Fence != fence || e.Done || e.inTx {
		return nil, ErrLost
	}
	return e, nil
}

// complete sets the response of an entry that is in no queue.
func (m *memory) complete(e *memoryEntry, response []byte, until time.Time) {
	owner := e.key.Principal
	m.ledger.Add(owner, -e.size(), 0)
	e.Done, e.Response, e.reserved, e.until = true, response, 0, until
	m.ledger.Add(owner, 0, e.size())
	m.makeRoom(time.Now())
	m.done.add(e)
	own := m.kept[owner]
	if own == nil {
		own = &queue{slot: byOwner}
		m.kept[owner] = own
	}
	own.add(e)
}

// expire removes calls whose lease has expired until enough returns true, and returns its last
// result.
func (m *memory) expire(now time.Time, enough func() bool) bool {
	for e := m.running.over(now); e != nil && !enough(); e = m.running.over(now) {
		m.remove(e)
	}
	return enough()
}

// makeRoom removes entries until all fit, which the ledger has found to be possible.
func (m *memory) makeRoom(now time.Time) {
	for m.ledger.Full() {
		e := m.cheapest(now)
		if e == nil {
			return
		}
		m.remove(e)
	}
}

// cheapest returns the entry to remove next. A call whose lease has expired comes first. Otherwise
// it is the response whose window ends first, of the principal whose responses take most, or of all
// principals if that principal's only response is the one being added.
func (m *memory) cheapest(now time.Time) *memoryEntry {
	if e := m.running.over(now); e != nil {
		return e
	}
	if own := m.kept[m.ledger.Largest()]; own != nil {
		return own.first()
	}
	return m.done.first()
}

// full returns the error for something that the store has no room for.
func (m *memory) full(what string, bytes int) error {
	return fmt.Errorf("%w: %s of %d bytes beside %d of %d", ErrFull, what, bytes, m.ledger.Bytes(), m.maxBytes)
}

// sweep removes some responses whose window has ended: more than a call adds, and few enough not
// to delay one.
func (m *memory) sweep(now time.Time) {
	for range 4 {
		e := m.done.over(now)
		if e == nil {
			return
		}
		m.remove(e)
	}
}

func (m *memory) remove(e *memoryEntry) {
	delete(m.entries, e.key)
	if !e.Done {
		m.ledger.Add(e.key.Principal, -e.size(), 0)
		m.running.remove(e)
		return
	}
	m.ledger.Add(e.key.Principal, 0, -e.size())
	m.done.remove(e)
	if own := m.kept[e.key.Principal]; own != nil {
		if own.remove(e); own.Len() == 0 {
			delete(m.kept, e.key.Principal)
		}
	}
}

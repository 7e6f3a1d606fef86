package idempotency

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// DefaultMaxEntries is how many calls [Memory] knows at most.
	DefaultMaxEntries = 250_000
	// DefaultMaxBytes is how many bytes these have at most, with about what Go needs for them.
	DefaultMaxBytes = 64 << 20
	// entrySize is about how much memory an entry takes beside its texts and its response.
	entrySize = 256
)

// MemoryOption configures [Memory].
type MemoryOption func(*memory)

// MaxEntries sets how many calls are known at most, in place of [DefaultMaxEntries].
func MaxEntries(n int) MemoryOption {
	return func(m *memory) { m.maxEntries = n }
}

// MaxBytes sets how many bytes they have at most, in place of [DefaultMaxBytes].
func MaxBytes(n int) MemoryOption {
	return func(m *memory) { m.maxBytes = n }
}

// Memory returns a store in the memory of the process: for tests, and for a service that runs once and may forget what it has
// answered when it ends. Where there is no room for a call, the responses are forgotten whose windows end first; where all
// calls are still running, it is [ErrFull].
//
// In a transaction it keeps a response through hooks: tx must have the methods OnCommit(func()) and OnRollback(func()), of
// which one calls its function when the transaction has ended.
func Memory(opts ...MemoryOption) TxStore {
	m := &memory{entries: make(map[Key]*memoryEntry), maxEntries: DefaultMaxEntries, maxBytes: DefaultMaxBytes}
	for _, opt := range opts {
		opt(m)
	}
	return m
}

// memory is a store with a lock around it: what it does takes less than a microsecond.
type memory struct {
	maxEntries, maxBytes int

	mu            sync.Mutex
	entries       map[Key]*memoryEntry
	running, done queue // all entries, but for those that a transaction holds
	bytes         int   // of all entries
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
	if err := m.makeRoom(1, e.size()); err != nil {
		return Entry{}, err
	}
	m.entries[e.key] = e
	m.bytes += e.size()
	m.running.add(e)
	return e.Entry, nil
}

func (m *memory) Finish(_ context.Context, key Key, fence Fence, response []byte, window time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, err := m.claimed(key, fence)
	if err != nil {
		return err
	}
	m.running.remove(e)
	if err := m.makeRoom(0, len(response)); err != nil {
		m.running.add(e)
		return err
	}
	m.complete(e, response, window)
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

// claimed returns the entry of a call that is running and no part of a transaction yet.
func (m *memory) claimed(key Key, fence Fence) (*memoryEntry, error) {
	e, ok := m.entries[key]
	if !ok || e.Fence != fence || e.Done || e.inTx {
		return nil, ErrLost
	}
	return e, nil
}

// complete gives an entry that is in no queue its response.
func (m *memory) complete(e *memoryEntry, response []byte, window time.Duration) {
	m.bytes += len(response)
	e.Done, e.Response, e.until = true, response, time.Now().Add(window)
	m.done.add(e)
}

// makeRoom removes what it can until there is room for so many entries and bytes more: first the calls that have not been
// heard of for longer than their leases, then responses: all or none, so that what never fits costs nobody's.
func (m *memory) makeRoom(entries, bytes int) error {
	for len(m.entries)+entries > m.maxEntries || m.bytes+bytes > m.maxBytes {
		e := m.running.over(time.Now())
		if e == nil && m.bytes-m.done.bytes+bytes <= m.maxBytes {
			e = m.done.first()
		}
		if e == nil {
			return fmt.Errorf("%w: it has %d of %d, with %d of %d bytes", ErrFull, len(m.entries), m.maxEntries, m.bytes, m.maxBytes)
		}
		m.remove(e)
	}
	return nil
}

// sweep removes some of the responses whose windows are over: more than a call adds, and few enough that none waits for it.
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
	m.bytes -= e.size()
	m.running.remove(e)
	m.done.remove(e)
}

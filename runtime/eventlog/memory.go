package eventlog

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sort"
	"sync"
	"time"
)

// Defaults of [NewMemory].
const (
	// DefaultMaxBytes is the default of [WithMaxBytes].
	DefaultMaxBytes = 64 << 20
	// DefaultMaxRecords is the default of [WithMaxRecords].
	DefaultMaxRecords = 1 << 20
)

// recordOverhead is what a record takes in memory beside its data.
const recordOverhead = 64

// MemoryOption configures [NewMemory].
type MemoryOption func(*Memory)

// WithMaxBytes bounds the size of a log in memory, instead of [DefaultMaxBytes]. Each record
// counts its data and 64 bytes. The oldest records are trimmed.
func WithMaxBytes(n int) MemoryOption { return func(m *Memory) { m.maxBytes = max(n, 1) } }

// WithMaxRecords bounds the number of records, instead of [DefaultMaxRecords].
func WithMaxRecords(n int) MemoryOption { return func(m *Memory) { m.maxRecords = max(n, 1) } }

// WithMaxAge trims records that are older than d. Without it, or if d is 0, records have no age
// limit.
func WithMaxAge(d time.Duration) MemoryOption { return func(m *Memory) { m.maxAge = max(d, 0) } }

// Memory is a [Store] in the memory of the process: a ring that trims its oldest records. Each
// Memory has its own epoch, so positions of a former process are [ErrUnknown].
type Memory struct {
	maxBytes, maxRecords int
	maxAge               time.Duration
	epoch                uint64

	mu      sync.Mutex
	records ring
	last    uint64
	bytes   int
	latest  time.Time     // of the last record
	changed chan struct{} // nil without watchers
}

// NewMemory returns an empty log in memory.
func NewMemory(opts ...MemoryOption) *Memory {
	m := &Memory{maxBytes: DefaultMaxBytes, maxRecords: DefaultMaxRecords, epoch: newEpoch()}
	for _, opt := range opts {
		opt(m)
	}
	return m
}

// newEpoch returns a random number other than 0.
func newEpoch() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: see crypto/rand
	return max(binary.BigEndian.Uint64(b[:]), 1)
}

// Append implements [Store]. It returns [ErrTooLarge] for records that exceed the maximum size or
// number.
func (m *Memory) Append(ctx context.Context, data ...[]byte) (Position, error) {
	if err := ctx.Err(); err != nil {
		return Position{}, err
	}
	size := 0
	for _, d := range data {
		size += len(d) + recordOverhead
	}
	if size > m.maxBytes || len(data) > m.maxRecords {
		return Position{}, fmt.Errorf("%w: %d records with %d bytes, and it has room for %d with %d",
			ErrTooLarge, len(data), size, m.maxRecords, m.maxBytes)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now().Round(0) // the monotonic clock would hide a step back
	if now.Before(m.latest) {
		now = m.latest
	}
	for _, d := range data {
		m.last, m.latest = m.last+1, now
		m.records.push(Record{Sequence: m.last, Time: now, Data: d})
	}
	m.bytes += size
	m.shrink()
	if m.changed != nil && len(data) > 0 {
		close(m.changed)
		m.changed = nil
	}
	return Position{m.epoch, m.last}, nil
}

// shrink trims what exceeds the limits.
func (m *Memory) shrink() {
	for m.bytes > m.maxBytes || m.records.len() > m.maxRecords {
		m.drop()
	}
	if m.maxAge == 0 {
		return
	}
	oldest := time.Now().Add(-m.maxAge)
	for m.records.len() > 0 && m.records.at(0).Time.Before(oldest) {
		m.drop()
	}
}

// drop removes the first record.
func (m *Memory) drop() { m.bytes -= len(m.records.pop().Data) + recordOverhead }

// bounds returns the bounds, after trimming by age.
func (m *Memory) bounds() Bounds {
	m.shrink()
	return Bounds{Epoch: m.epoch, First: m.last + 1 - uint64(m.records.len()), Last: m.last}
}

// Read implements [Store].
func (m *Memory) Read(ctx context.Context, after Position, limit Limit) (Batch, error) {
	if err := ctx.Err(); err != nil {
		return Batch{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := Batch{Bounds: m.bounds()}
	if err := b.Bounds.Check(after); err != nil {
		return Batch{Bounds: b.Bounds}, err
	}
	start := int(after.Sequence - b.Bounds.Earliest().Sequence)
	n, bytes := 0, 0
	for start+n < m.records.len() && n < max(limit.Records, 1) {
		if bytes += len(m.records.at(start + n).Data); n > 0 && bytes > limit.Bytes {
			break
		}
		n++
	}
	if n == 0 {
		return b, nil
	}
	b.Records = make([]Record, n)
	for i := range b.Records {
		b.Records[i] = *m.records.at(start + i)
	}
	return b, nil
}

// Bounds implements [Store].
func (m *Memory) Bounds(ctx context.Context) (Bounds, error) {
	if err := ctx.Err(); err != nil {
		return Bounds{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bounds(), nil
}

// Size implements [SizedStore], as [WithMaxBytes] counts.
func (m *Memory) Size(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shrink()
	return int64(m.bytes), nil
}

// Seek implements [Store].
func (m *Memory) Seek(ctx context.Context, t time.Time) (Position, error) {
	if err := ctx.Err(); err != nil {
		return Position{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.bounds().Earliest()
	n := sort.Search(m.records.len(), func(i int) bool { return !m.records.at(i).Time.Before(t) })
	p.Sequence += uint64(n)
	return p, nil
}

// Trim implements [Store].
func (m *Memory) Trim(ctx context.Context, through Position) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	bounds := m.bounds()
	if through.Epoch != bounds.Epoch || through.Sequence > bounds.Last {
		return bounds.Check(through)
	}
	for n := bounds.First; n <= through.Sequence; n++ {
		m.drop()
	}
	return nil
}

// Watch implements [Store].
func (m *Memory) Watch() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changed == nil {
		m.changed = make(chan struct{})
	}
	return m.changed
}

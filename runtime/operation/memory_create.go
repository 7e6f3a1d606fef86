package operation

import (
	"context"
	"slices"
	"time"
)

// Create implements [Store].
func (m *memory) Create(_ context.Context, op *Record, queue bool) (stored *Record, created bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.requests[requestKeyOf(op)]; e != nil && op.RequestID != "" {
		return e.rec, false, nil
	}
	if held := m.conflicts[op.ConflictKey]; len(held) > 0 && !queue { // nothing is held under the empty key
		return nil, false, &ConflictError{Other: held[0].rec}
	}
	if !m.makeRoom() {
		return nil, false, ErrFull
	}
	return m.insert(op), true, nil
}

// makeRoom says whether the store takes one more operation; it may have to forget a done one.
func (m *memory) makeRoom() bool {
	if len(m.ops) < m.capacity {
		return true
	}
	e := m.done.first(forever)
	if e == nil {
		return false
	}
	m.remove(e)
	return true
}

func (m *memory) insert(op *Record) *Record {
	m.created++
	now := time.Now()
	e := &entry{order: m.created, rec: startOf(op, now)}
	if !now.After(m.newest) { // a clock may stand still
		e.rec.CreateTime = m.newest.Add(1)
	}
	m.newest = e.rec.CreateTime
	m.ops[op.Name] = e
	at, _ := slices.BinarySearch(m.names, op.Name)
	m.names = slices.Insert(m.names, at, op.Name)
	if op.RequestID != "" {
		m.requests[requestKeyOf(op)] = e
	}
	if op.ConflictKey != "" {
		m.conflicts[op.ConflictKey] = append(m.conflicts[op.ConflictKey], e)
	}
	m.place(e)
	return e.rec
}

// startOf returns op as an operation that was created now.
func startOf(op *Record, now time.Time) *Record {
	r := *op
	r.CreateTime, r.UpdateTime, r.RunAfter = now, now, now
	r.StartTime, r.LeaseUntil, r.CancelTime = time.Time{}, time.Time{}, time.Time{}
	r.DoneTime, r.ExpireTime, r.DeleteTime = time.Time{}, time.Time{}, time.Time{}
	r.Attempt, r.Fence = 0, 0
	return &r
}

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
	at, _ := slices.BinarySearch(m.names, op.Name)
	m.names = slices.Insert(m.names, at, op.Name)
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
	r.Attempt, r.Fence = 0, 0
	return &r
}

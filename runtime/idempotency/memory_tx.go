package idempotency

import (
	"context"
	"fmt"
	"time"
)

// memoryTx is the interface that [Memory] requires of a transaction.
type memoryTx interface {
	OnCommit(func())
	OnRollback(func())
}

func (m *memory) FinishTx(_ context.Context, tx any, key Key, fence Fence, response []byte, window time.Duration) error {
	hooks, ok := tx.(memoryTx)
	if !ok {
		return fmt.Errorf("%w: a %T lacks OnCommit(func()) or OnRollback(func())", ErrNoTx, tx)
	}
	e, err := m.hold(key, fence, responseSize(len(response)))
	if err != nil {
		return err
	}
	hooks.OnCommit(func() { m.commit(e, response, window) })
	hooks.OnRollback(func() { m.rollback(e) })
	return nil
}

// hold makes an entry part of a transaction and reserves room for the response. Nothing else can
// claim the entry until the transaction has ended.
func (m *memory) hold(key Key, fence Fence, bytes int) (*memoryEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, err := m.claimed(key, fence)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	m.running.remove(e) // first, so that it does not expire if its lease is over
	mayGrow := func() bool { return m.ledger.MayGrow(key.Principal, bytes) }
	if !mayGrow() && !m.expire(now, mayGrow) {
		m.running.add(e)
		return nil, m.full("a response", bytes)
	}
	e.inTx, e.reserved = true, bytes
	m.ledger.Add(key.Principal, bytes, 0)
	m.makeRoom(now)
	return e, nil
}

func (m *memory) commit(e *memoryEntry, response []byte, window time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.inTx {
		e.inTx = false
		m.complete(e, response, time.Now().Add(window))
	}
}

func (m *memory) rollback(e *memoryEntry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !e.inTx {
		return
	}
	m.ledger.Add(e.key.Principal, -e.reserved, 0)
	e.inTx, e.reserved = false, 0
	if e.released {
		m.remove(e)
		return
	}
	m.running.add(e)
}

package idempotency_test

import (
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/idempotency/storetest"
)

func TestMemoryIsAStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) idempotency.Store { return idempotency.Memory() })
}

func TestMemoryKeepsResponsesInTransactions(t *testing.T) {
	storetest.RunTx(t, func(*testing.T) (idempotency.TxStore, func(*testing.T) storetest.Tx) {
		return idempotency.Memory(), func(*testing.T) storetest.Tx {
			tx := new(hooks)
			return storetest.Tx{Value: tx, Commit: tx.commit, Rollback: tx.rollback}
		}
	})
}

// hooks is a transaction of a program that keeps its data in memory.
type hooks struct{ onCommit, onRollback []func() }

func (h *hooks) OnCommit(f func())   { h.onCommit = append(h.onCommit, f) }
func (h *hooks) OnRollback(f func()) { h.onRollback = append(h.onRollback, f) }
func (h *hooks) commit() error       { return call(h.onCommit) }
func (h *hooks) rollback() error     { return call(h.onRollback) }

func call(functions []func()) error {
	for _, f := range functions {
		f()
	}
	return nil
}

func claimOf(id string) idempotency.Claim {
	c := idempotency.Claim{Key: idempotency.Key{Method: "/t.S/M", RequestID: id}, Lease: time.Minute}
	rand.Read(c.Fence[:])
	return c
}

// answered says whether a store has a response for an id. Where it has none, the id is claimed for a minute.
func answered(t *testing.T, s idempotency.Store, id string) bool {
	t.Helper()
	entry, err := s.Begin(t.Context(), claimOf(id))
	if err != nil {
		t.Fatal(err)
	}
	return entry.Done
}

func fill(t *testing.T, s idempotency.Store, id string, response []byte, window time.Duration) error {
	t.Helper()
	c := claimOf(id)
	if _, err := s.Begin(t.Context(), c); err != nil {
		return err
	}
	return s.Finish(t.Context(), c.Key, c.Fence, response, window)
}

func TestMemoryForgetsWhatEndsFirst(t *testing.T) {
	for name, s := range map[string]idempotency.Store{
		"entries": idempotency.Memory(idempotency.MaxEntries(10)),
		"bytes":   idempotency.Memory(idempotency.MaxBytes(16_000)),
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 10 {
				if err := fill(t, s, strconv.Itoa(i), make([]byte, 1000), time.Hour-time.Duration(i)*time.Minute); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 5 {
				if err := fill(t, s, "new"+strconv.Itoa(i), make([]byte, 1000), 2*time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			if !answered(t, s, "0") || !answered(t, s, "new4") {
				t.Error("a response was forgotten whose window ends later than that of others")
			}
			if answered(t, s, "9") {
				t.Error("the response whose window ends first is still there")
			}
		})
	}
}

func TestMemoryNeverForgetsCallsThatRun(t *testing.T) {
	s := idempotency.Memory(idempotency.MaxEntries(2))
	for _, id := range []string{"a", "b"} {
		if answered(t, s, id) {
			t.Fatal("a new id has a response")
		}
	}
	if _, err := s.Begin(t.Context(), claimOf("c")); !errors.Is(err, idempotency.ErrFull) {
		t.Errorf("Begin returned %v, want ErrFull", err)
	}
	a := claimOf("a")
	if entry, err := s.Begin(t.Context(), a); err != nil || entry.Fence == a.Fence {
		t.Errorf("Begin of a call that is running returned %+v, %v", entry, err)
	}
}

func TestMemoryRefusesAResponseThatNeverFits(t *testing.T) {
	s := idempotency.Memory(idempotency.MaxBytes(4000))
	c := claimOf("a")
	if _, err := s.Begin(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(t.Context(), c.Key, c.Fence, make([]byte, 4000), time.Hour); !errors.Is(err, idempotency.ErrFull) {
		t.Errorf("Finish returned %v, want ErrFull", err)
	}
	tx := new(hooks)
	if err := s.FinishTx(t.Context(), tx, c.Key, c.Fence, make([]byte, 4000), time.Hour); !errors.Is(err, idempotency.ErrFull) {
		t.Errorf("FinishTx returned %v, want ErrFull", err)
	}
	if err := s.Finish(t.Context(), c.Key, c.Fence, []byte("short"), time.Hour); err != nil || !answered(t, s, "a") {
		t.Errorf("a response that fits is not kept: %v", err)
	}
}

// A store that is as full as it may be has room again when windows and leases are over, whatever ids come then.
func TestMemoryExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := idempotency.Memory(idempotency.MaxEntries(8))
		for i := range 4 {
			if err := fill(t, s, "done"+strconv.Itoa(i), nil, time.Hour); err != nil {
				t.Fatal(err)
			}
			if answered(t, s, "running"+strconv.Itoa(i)) {
				t.Fatal("a new id has a response")
			}
		}
		time.Sleep(time.Minute)
		for i := range 4 { // in the place of those that were running: none of the responses has to go
			if answered(t, s, "next"+strconv.Itoa(i)) {
				t.Fatal("a new id has a response")
			}
		}
		time.Sleep(time.Hour - time.Minute - 1)
		if !answered(t, s, "done0") {
			t.Error("a response was forgotten within its window")
		}
		time.Sleep(time.Nanosecond)
		if answered(t, s, "done1") {
			t.Error("a response is still there after its window")
		}
	})
}

func TestMemoryCountsWhatItHas(t *testing.T) {
	s := idempotency.Memory(idempotency.MaxEntries(1))
	for i := range 1000 {
		c := claimOf(strings.Repeat("x", i%100))
		if _, err := s.Begin(t.Context(), c); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
		if err := s.Release(t.Context(), c.Key, c.Fence); err != nil {
			t.Fatal(err)
		}
	}
}

// held is a call whose response is part of a transaction that has not ended.
func held(t *testing.T, s idempotency.TxStore, id string) (idempotency.Claim, *hooks) {
	t.Helper()
	c, tx := claimOf(id), new(hooks)
	if _, err := s.Begin(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := s.FinishTx(t.Context(), tx, c.Key, c.Fence, []byte("held"), time.Hour); err != nil {
		t.Fatal(err)
	}
	return c, tx
}

// A call that fails gives its claim back before its transaction is rolled back, if that is deferred further out.
func TestMemoryFreesAKeyWhenTheTransactionEnds(t *testing.T) {
	s := idempotency.Memory()
	c, tx := held(t, s, "a")
	if err := s.Release(t.Context(), c.Key, c.Fence); err != nil {
		t.Fatal(err)
	}
	next := claimOf("a")
	if entry, err := s.Begin(t.Context(), next); err != nil || entry.Fence != c.Fence {
		t.Errorf("within the transaction Begin returned %+v, %v; want the entry that it holds", entry, err)
	}
	_ = tx.rollback()
	if entry, err := s.Begin(t.Context(), next); err != nil || entry.Fence != next.Fence {
		t.Errorf("after it Begin returned %+v, %v; want the claim", entry, err)
	}
}

func TestMemoryMakesRoomBesideTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := idempotency.Memory(idempotency.MaxEntries(2))
		c, tx := held(t, s, "a")
		for _, id := range []string{"b", "c", "d"} {
			time.Sleep(2 * time.Minute)
			if answered(t, s, id) {
				t.Fatal("a new id has a response")
			}
		}
		if entry, err := s.Begin(t.Context(), claimOf("a")); err != nil || entry.Fence != c.Fence {
			t.Errorf("Begin returned %+v, %v; want the entry that the transaction holds", entry, err)
		}
		_ = tx.rollback()
		time.Sleep(2 * time.Minute)
		for _, id := range []string{"e", "f"} { // in the place of both that were running
			if answered(t, s, id) {
				t.Fatal("a new id has a response")
			}
		}
	})
}

// A response that never fits is refused before any other is forgotten for it.
func TestMemoryForgetsNothingForWhatNeverFits(t *testing.T) {
	s := idempotency.Memory(idempotency.MaxBytes(16_000))
	for _, id := range []string{"a", "b"} {
		if err := fill(t, s, id, make([]byte, 1000), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if answered(t, s, "running") {
		t.Fatal("a new id has a response")
	}
	if err := fill(t, s, "large", make([]byte, 15_600), time.Hour); !errors.Is(err, idempotency.ErrFull) {
		t.Errorf("Finish returned %v, want ErrFull", err)
	}
	if !answered(t, s, "a") || !answered(t, s, "b") {
		t.Error("a response was forgotten for one that is not there")
	}
}

// A full store makes room for a response by what is over, but not by the call whose response it is.
func TestMemoryKeepsALateResponseInATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := idempotency.Memory(idempotency.MaxBytes(1500))
		if err := fill(t, s, "other", make([]byte, 600), 2*time.Hour); err != nil {
			t.Fatal(err)
		}
		c := claimOf("a")
		if _, err := s.Begin(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute) // its lease is over
		tx := new(hooks)
		if err := s.FinishTx(t.Context(), tx, c.Key, c.Fence, make([]byte, 500), time.Hour); err != nil {
			t.Fatal(err)
		}
		if answered(t, s, "a") {
			t.Fatal("the response is there before the commit")
		}
		_ = tx.commit()
		if !answered(t, s, "a") {
			t.Error("the response that was committed is not there")
		}
	})
}

// A program that rolls back whatever it has done, as deferred code does, calls both.
func TestMemoryTakesTheFirstEndOfATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := idempotency.Memory()
		_, tx := held(t, s, "a")
		_, _ = tx.commit(), tx.rollback()
		if !answered(t, s, "a") {
			t.Error("the response that was committed is not there")
		}
		time.Sleep(2 * time.Hour) // its window
		next := claimOf("a")
		if _, err := s.Begin(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		answered(t, s, "another") // which sweeps
		if entry, err := s.Begin(t.Context(), claimOf("a")); err != nil || entry.Fence != next.Fence {
			t.Errorf("Begin returned %+v, %v; want the claim that was made after the window", entry, err)
		}
		_, tx = held(t, s, "b")
		_, _ = tx.rollback(), tx.commit()
		if answered(t, s, "b") {
			t.Error("a response is there that was rolled back")
		}
	})
}

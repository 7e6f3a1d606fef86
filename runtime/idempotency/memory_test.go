package idempotency_test

import (
	"crypto/rand"
	"errors"
	stdruntime "runtime"
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

func TestMemoryIsShared(t *testing.T) {
	storetest.RunShared(t, func(_ *testing.T, maxBytes int) idempotency.Store {
		return idempotency.Memory(idempotency.WithMaxBytes(maxBytes))
	})
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
	c := idempotency.Claim{Key: idempotency.Key{Method: "/t.S/M", IdempotencyKey: id}, Lease: time.Minute}
	rand.Read(c.Fence[:])
	return c
}

// answered reports whether a store has a response for a key. If it has none, the key is claimed for
// a minute.
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

func TestMemoryRejectsAResponseThatNeverFits(t *testing.T) {
	s := idempotency.Memory(idempotency.WithMaxBytes(4000))
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

// entry is slightly more than the size of an entry of the tests.
const entry = 900

// A full store has room again once windows and leases have expired, whatever keys arrive then.
func TestMemoryExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := idempotency.Memory(idempotency.WithMaxBytes(8 * entry))
		for i := range 4 {
			if err := fill(t, s, "done"+strconv.Itoa(i), nil, time.Hour); err != nil {
				t.Fatal(err)
			}
			if answered(t, s, "running"+strconv.Itoa(i)) {
				t.Fatal("a new id has a response")
			}
		}
		time.Sleep(time.Minute)
		for i := range 4 { // replaces the running ones, so no response must be removed
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
	s := idempotency.Memory(idempotency.WithMaxBytes(2 * entry))
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

// A failed call releases its claim before its transaction rolls back, if the rollback is deferred
// earlier.
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
		// Half of them for running calls
		s := idempotency.Memory(idempotency.WithMaxBytes(4 * entry))
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
		for _, id := range []string{"e", "f"} { // replaces both running ones
			if answered(t, s, id) {
				t.Fatal("a new id has a response")
			}
		}
	})
}

// A response that never fits is rejected before any other is removed for it.
func TestMemoryForgetsNothingForWhatNeverFits(t *testing.T) {
	s := idempotency.Memory(idempotency.WithMaxBytes(16_000))
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

// To make room for a response, a full store removes expired entries, but not the entry of the call
// whose response it is.
func TestMemoryKeepsALateResponseInATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := idempotency.Memory(idempotency.WithMaxBytes(4000))
		if err := fill(t, s, "other", make([]byte, 1500), 2*time.Hour); err != nil {
			t.Fatal(err)
		}
		c := claimOf("a")
		if _, err := s.Begin(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute) // its lease expires
		tx := new(hooks)
		if err := s.FinishTx(t.Context(), tx, c.Key, c.Fence, make([]byte, 1200), time.Hour); err != nil {
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

// Code that always defers a rollback calls both.
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
		answered(t, s, "another") // triggers a sweep
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

// The counted bytes are at least the bytes in use, whatever the principals and the sizes of the
// entries.
func TestMemoryTakesNoMoreThanItsBytes(t *testing.T) {
	const maxBytes = 32 << 20
	for name, test := range map[string]struct{ principals, response int }{
		"one principal":                    {1, 0},
		"a principal for each":             {1 << 30, 0},
		"a principal for each, responses":  {1 << 30, 100},
		"some principals, large responses": {10, 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			s := idempotency.Memory(idempotency.WithMaxBytes(maxBytes))
			for i := range max(1000, min(100_000, 3*maxBytes/(test.response+1))) {
				c := claimOf(strconv.Itoa(i))
				c.Key.Principal = "https://id.example.com|" + strconv.Itoa(i%test.principals)
				if _, err := s.Begin(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				if err := s.Finish(t.Context(), c.Key, c.Fence, make([]byte, test.response), time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			if took := heap() - before; took > maxBytes {
				t.Errorf("it takes %d bytes, want %d at most", took, maxBytes)
			} else {
				t.Logf("it takes %d bytes of %d", took, maxBytes)
			}
			stdruntime.KeepAlive(s)
		})
	}
}

// heap returns the number of bytes in use on the heap.
func heap() int64 {
	var stats stdruntime.MemStats
	stdruntime.GC()
	stdruntime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
)

// Tx is a transaction of a store's backend.
type Tx struct {
	// Value is what the store takes as tx.
	Value any
	// Commit and Rollback end the transaction.
	Commit, Rollback func() error
}

// RunTx tests that a store keeps responses in transactions. newStore returns a new one, and what
// begins transactions.
func RunTx(t *testing.T, newStore func(t *testing.T) (idempotency.TxStore, func(t *testing.T) Tx)) {
	for name, test := range map[string]func(*testing.T, txSuite){
		"a commit keeps the response":                    committed,
		"a rollback keeps the claim":                     rolledBack,
		"a rollback of a call that failed frees the key": rolledBackAndReleased,
		"a commit outlives the lease":                    committedLate,
		"a claim is renewed around a transaction":        renewedAroundTx,
		"only who holds a claim finishes it":             foreignFinishTx,
		"another value is no transaction":                noTx,
	} {
		t.Run(name, func(t *testing.T) {
			store, begin := newStore(t)
			test(t, txSuite{suite{store}, store, func() Tx { return begin(t) }})
		})
	}
}

type txSuite struct {
	suite
	store   idempotency.TxStore
	beginTx func() Tx
}

func (s txSuite) finishTx(t *testing.T, tx Tx, c idempotency.Claim, response string) {
	t.Helper()
	if err := s.store.FinishTx(t.Context(), tx.Value, c.Key, c.Fence, []byte(response), long); err != nil {
		t.Fatalf("FinishTx: %v", err)
	}
}

func end(t *testing.T, end func() error) {
	t.Helper()
	if err := end(); err != nil {
		t.Fatalf("end of a transaction: %v", err)
	}
}

func renewedAroundTx(t *testing.T, s txSuite) {
	c := claim(short)
	s.own(t, c)
	tx := s.beginTx()
	s.finishTx(t, tx, c, "rolled back")
	end(t, tx.Rollback)
	s.renew(t, c, long)
	s.expire(t)
	s.held(t, c)
	tx = s.beginTx()
	s.finishTx(t, tx, c, "committed")
	end(t, tx.Commit)
	s.notRenewed(t, c)
	s.kept(t, c, []byte("committed"))
}

func committed(t *testing.T, s txSuite) {
	c := claim(long)
	s.own(t, c)
	tx := s.beginTx()
	s.finishTx(t, tx, c, "in a transaction")
	end(t, tx.Commit)
	s.kept(t, c, []byte("in a transaction"))
	s.release(t, c)
	s.lost(t, c)
	s.kept(t, c, []byte("in a transaction"))
}

func rolledBack(t *testing.T, s txSuite) {
	c := claim(long)
	s.own(t, c)
	tx := s.beginTx()
	s.finishTx(t, tx, c, "never")
	end(t, tx.Rollback)
	s.held(t, c)
	again := s.beginTx()
	s.finishTx(t, again, c, "second time")
	end(t, again.Commit)
	s.kept(t, c, []byte("second time"))
}

func rolledBackAndReleased(t *testing.T, s txSuite) {
	c := claim(long)
	s.own(t, c)
	tx := s.beginTx()
	s.finishTx(t, tx, c, "never")
	end(t, tx.Rollback)
	s.release(t, c)
	s.own(t, rival(c))
}

// committedLate has another call arrive when the lease has expired and the transaction is still
// open. That call may wait, or learn that the first one is running, but it does not get the claim.
func committedLate(t *testing.T, s txSuite) {
	c := claim(short)
	s.own(t, c)
	tx := s.beginTx()
	s.finishTx(t, tx, c, "late")
	s.expire(t)
	other := make(chan idempotency.Entry, 1)
	go func() {
		entry, err := s.Begin(t.Context(), rival(c))
		if err != nil {
			t.Errorf("Begin: %v", err)
		}
		other <- entry
	}()
	// Enough for most stores to get as far as they can before the commit; the test passes at any
	// time
	time.Sleep(short)
	end(t, tx.Commit)
	if entry := <-other; entry.Fence != c.Fence {
		t.Errorf("Begin returned %+v, want that of the claim %+v, which a transaction holds", entry, c)
	}
	s.kept(t, c, []byte("late"))
}

func foreignFinishTx(t *testing.T, s txSuite) {
	c := claim(long)
	s.own(t, c)
	tx := s.beginTx()
	other := rival(c)
	if err := s.store.FinishTx(t.Context(), tx.Value, other.Key, other.Fence, nil, long); !errors.Is(err, idempotency.ErrLost) {
		t.Errorf("FinishTx returned %v, want ErrLost", err)
	}
	end(t, tx.Rollback)
	s.held(t, c)
}

func noTx(t *testing.T, s txSuite) {
	c := claim(long)
	s.own(t, c)
	if err := s.store.FinishTx(t.Context(), struct{}{}, c.Key, c.Fence, nil, long); !errors.Is(err, idempotency.ErrNoTx) {
		t.Errorf("FinishTx returned %v, want ErrNoTx", err)
	}
	s.held(t, c)
}

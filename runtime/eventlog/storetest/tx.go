package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

// Tx is a transaction of a store's backend.
type Tx struct {
	// Value is what the store takes as tx.
	Value any
	// Commit and Rollback end the transaction.
	Commit, Rollback func() error
}

// RunTx tests that a store appends in transactions. newStore returns a new, empty one, and what
// begins transactions, several at a time.
func RunTx(t *testing.T, newStore func(t *testing.T) (eventlog.TxStore, func(t *testing.T) Tx)) {
	for name, test := range map[string]func(*testing.T, txSuite){
		"a commit appends the records":          committed,
		"a rollback appends nothing":            rolledBack,
		"a commit is noticed":                   commitNoticed,
		"commits are one order without holes":   commitsInOrder,
		"another value is no transaction":       noTx,
		"a transaction of nothing does nothing": nothingInTx,
	} {
		t.Run(name, func(t *testing.T) {
			store, begin := newStore(t)
			test(t, txSuite{suite{Store: store}, store, begin})
		})
	}
}

type txSuite struct {
	suite
	store eventlog.TxStore
	begin func(*testing.T) Tx
}

func (s txSuite) appendTx(t *testing.T, tx Tx, texts ...string) eventlog.Position {
	t.Helper()
	data := make([][]byte, len(texts))
	for i, text := range texts {
		data[i] = []byte(text)
	}
	p, err := s.store.AppendTx(t.Context(), tx.Value, data...)
	if err != nil {
		t.Fatalf("AppendTx: %v", err)
	}
	return p
}

func end(t *testing.T, end func() error) {
	t.Helper()
	if err := end(); err != nil {
		t.Fatalf("end of a transaction: %v", err)
	}
}

func committed(t *testing.T, s txSuite) {
	start := s.bounds(t).Head()
	tx := s.begin(t)
	p := s.appendTx(t, tx, "1", "2")
	want(t, s.read(t, start, all).Records, 0)
	if next := s.appendTx(t, tx, "3"); next.Sequence != p.Sequence+1 || next.Epoch != start.Epoch {
		t.Errorf("AppendTx returned %v after %v", next, p)
	}
	end(t, tx.Commit)
	want(t, s.read(t, start, all).Records, 0, "1", "2", "3")
	if head := s.append(t, "4"); head.Sequence != 4 {
		t.Errorf("the next append returned %v", head)
	}
}

func rolledBack(t *testing.T, s txSuite) {
	start := s.bounds(t).Head()
	tx := s.begin(t)
	s.appendTx(t, tx, "never")
	end(t, tx.Rollback)
	if p := s.append(t, "1"); p.Sequence != 1 {
		t.Errorf("the next append returned %v, want the first record", p)
	}
	want(t, s.read(t, start, all).Records, 0, "1")
}

func commitNoticed(t *testing.T, s txSuite) {
	for i := range 5 {
		tx := s.begin(t)
		s.appendTx(t, tx, fmt.Sprint(i))
		changed := s.Watch()
		if end(t, tx.Commit); !closes(changed) {
			t.Fatalf("commit %d did not close the channel of Watch", i)
		}
	}
}

// commitsInOrder has writers keep transactions open after they have appended, and roll some back,
// while others append without one. Readers must see the order that is final.
func commitsInOrder(t *testing.T, s txSuite) {
	start := s.bounds(t).Head()
	const transactions = 20 // of a writer
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for n := range transactions {
				if w%4 == 0 {
					s.append(t, fmt.Sprintf("%d/%d", w, n))
					continue
				}
				tx := s.begin(t)
				s.appendTx(t, tx, fmt.Sprintf("%d/%d", w, n))
				time.Sleep(time.Millisecond) // others come in between, if they can
				if n%2 == 0 {
					end(t, tx.Commit)
				} else {
					end(t, tx.Rollback)
				}
			}
		})
	}
	const left = transactions * (writers/4 + writers*3/4/2)
	var reading sync.WaitGroup
	seen := make([][]eventlog.Record, 3)
	for i := range seen {
		reading.Go(func() { seen[i] = s.follow(t, start, left) })
	}
	writing.Wait()
	reading.Wait()
	final := s.read(t, start, all).Records
	if len(final) != left {
		t.Fatalf("the log has %d records, want %d", len(final), left)
	}
	next := map[int]int{}
	for i, r := range final {
		for reader := range seen {
			if i < len(seen[reader]) && string(seen[reader][i].Data) != string(r.Data) {
				t.Fatalf("reader %d saw %q as record %d, which is %q",
					reader, seen[reader][i].Data, r.Sequence, r.Data)
			}
		}
		var w, n int
		if _, err := fmt.Sscanf(string(r.Data), "%d/%d", &w, &n); err != nil || n < next[w] {
			t.Fatalf("record %d is %q, after %d of the same writer", r.Sequence, r.Data, next[w])
		}
		next[w] = n + 1
	}
}

func noTx(t *testing.T, s txSuite) {
	if _, err := s.store.AppendTx(t.Context(), struct{}{}, []byte("x")); !errors.Is(err, eventlog.ErrNoTx) {
		t.Errorf("AppendTx returned %v, want ErrNoTx", err)
	}
	if b := s.bounds(t); b.Last != 0 {
		t.Errorf("the bounds are %+v", b)
	}
}

func nothingInTx(t *testing.T, s txSuite) {
	p := s.append(t, "x")
	tx := s.begin(t)
	if at := s.appendTx(t, tx); at != p {
		t.Errorf("AppendTx of nothing returned %v, want the head %v", at, p)
	}
	end(t, tx.Commit)
	if b := s.bounds(t); b.Last != 1 {
		t.Errorf("the bounds are %+v", b)
	}
}

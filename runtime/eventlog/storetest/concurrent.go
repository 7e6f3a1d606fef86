package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

const (
	writers = 8
	each    = 100 // records of a writer
)

// write appends the records of all writers, some of them two at a time, and calls done with the
// position of each append.
func (s suite) write(t *testing.T, done func(writer, n int, p eventlog.Position)) {
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for n := 0; n < each; n += 2 {
				first, second := fmt.Appendf(nil, "%d/%d", w, n), fmt.Appendf(nil, "%d/%d", w, n+1)
				p, err := s.Append(t.Context(), first, second)
				if err != nil {
					t.Errorf("Append: %v", err)
					return
				}
				done(w, n, p)
			}
		})
	}
	running.Wait()
}

// follow reads all records after a position until it has n of them.
func (s suite) follow(t *testing.T, at eventlog.Position, n int) (records []eventlog.Record) {
	for len(records) < n {
		changed := s.Watch()
		batch, err := s.Read(t.Context(), at, eventlog.Limit{Records: 7, Bytes: 1 << 20})
		if err != nil {
			t.Errorf("Read: %v", err)
			return records
		}
		for _, r := range batch.Records {
			if r.Sequence != at.Sequence+1 {
				t.Errorf("record %d follows %d", r.Sequence, at.Sequence)
				return records
			}
			at.Sequence = r.Sequence
			records = append(records, r)
		}
		if len(batch.Records) == 0 && !closes(changed) {
			t.Errorf("more was appended after record %d, and the channel of Watch is not closed",
				at.Sequence)
			return records
		}
	}
	return records
}

// watched checks that readers that wait for Watch get all records.
func watched(t *testing.T, s suite) {
	start := s.bounds(t).Head()
	var reading sync.WaitGroup
	for range 4 {
		reading.Go(func() { s.follow(t, start, writers*each) })
	}
	s.write(t, func(int, int, eventlog.Position) {})
	reading.Wait()
}

// concurrent checks that readers, while records are appended, see the order that is final, and
// that appends return the positions of their records.
func concurrent(t *testing.T, s suite) {
	start := s.bounds(t).Head()
	var reading sync.WaitGroup
	seen := make([][]eventlog.Record, 3)
	for i := range seen {
		reading.Go(func() { seen[i] = s.follow(t, start, writers*each) })
	}
	var mu sync.Mutex
	ends := map[uint64]string{}
	s.write(t, func(w, n int, p eventlog.Position) {
		mu.Lock()
		defer mu.Unlock()
		ends[p.Sequence] = fmt.Sprintf("%d/%d", w, n+1)
	})
	reading.Wait()
	final := s.read(t, start, all).Records
	if len(final) != writers*each {
		t.Fatalf("the log has %d records, want %d", len(final), writers*each)
	}
	next := make([]int, writers)
	for i, r := range final {
		for reader := range seen {
			if i < len(seen[reader]) && string(seen[reader][i].Data) != string(r.Data) {
				t.Fatalf("reader %d saw %q as record %d, which is %q",
					reader, seen[reader][i].Data, r.Sequence, r.Data)
			}
		}
		var w, n int
		if _, err := fmt.Sscanf(string(r.Data), "%d/%d", &w, &n); err != nil || next[w] != n {
			t.Fatalf("record %d is %q, want %d/%d", r.Sequence, r.Data, w, next[w])
		}
		next[w]++
		if end, ok := ends[r.Sequence]; ok && end != string(r.Data) {
			t.Fatalf("the append of %s returned the position of %q", end, r.Data)
		}
		if _, ok := ends[r.Sequence]; ok != (n%2 == 1) {
			t.Fatalf("record %d, %q, is not next to that of the same append", r.Sequence, r.Data)
		}
	}
}

// trimmedWhileRead checks that a reader of a log that is trimmed gets the next record or an error.
func trimmedWhileRead(t *testing.T, s suite) {
	start := s.bounds(t).Head()
	var running sync.WaitGroup
	running.Go(func() {
		for at := start; at.Sequence < writers*each; {
			changed := s.Watch()
			batch, err := s.Read(t.Context(), at, eventlog.Limit{Records: 5, Bytes: 1 << 20})
			var lost *eventlog.PositionError
			switch {
			case errors.As(err, &lost) && errors.Is(err, eventlog.ErrExpired) &&
				lost.Earliest.Sequence > at.Sequence:
				at = lost.Earliest
			case err != nil:
				t.Errorf("Read: %v", err)
				return
			case len(batch.Records) == 0:
				if !closes(changed) {
					t.Errorf("the channel of Watch was not closed after record %d", at.Sequence)
					return
				}
			case batch.Records[0].Sequence != at.Sequence+1:
				t.Errorf("record %d follows %d", batch.Records[0].Sequence, at.Sequence)
				return
			default:
				at.Sequence = batch.Records[len(batch.Records)-1].Sequence
			}
		}
	})
	s.write(t, func(_, n int, p eventlog.Position) {
		if n%10 == 0 {
			if err := s.Trim(t.Context(), p); err != nil {
				t.Errorf("Trim: %v", err)
			}
		}
	})
	running.Wait()
}

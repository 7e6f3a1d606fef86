// Package storetest is the conformance suite of [eventlog.Store]. With a backend that passes it,
// readers miss no record and see none twice.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) eventlog.Store { return mystore.New(database(t)) })
//	}
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

// wait bounds how long the suite waits for anything.
const wait = 30 * time.Second

// all is a limit that no test exceeds.
var all = eventlog.Limit{Records: 1 << 20, Bytes: 1 << 30}

// Run tests a store. newStore returns a new, empty one, of another incarnation each time, with room
// for 5,000 records of 100 bytes.
func Run(t *testing.T, newStore func(t *testing.T) eventlog.Store) {
	for name, test := range map[string]func(*testing.T, suite){
		"an empty log has bounds":                        empty,
		"records are numbered from 1":                    numbered,
		"records of one append are adjacent":             adjacent,
		"an append of nothing changes nothing":           nothing,
		"a read continues after a position":              continued,
		"a read obeys its limits":                        limited,
		"a position beyond the head is unknown":          beyond,
		"a position of another incarnation is unknown":   otherEpoch,
		"trimmed records are gone":                       trimmed,
		"a trim of an unknown position is rejected":      trimUnknown,
		"an emptied log continues":                       emptied,
		"times do not decrease, and are found":           seek,
		"every append is noticed":                        noticed,
		"a watcher misses no append":                     watched,
		"concurrent appends are one order without holes": concurrent,
		"concurrent trims keep the order":                trimmedWhileRead,
		"a canceled context ends every call":             canceled,
		"a size follows appends and trims":               sized,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, suite{Store: newStore(t), another: func() eventlog.Store { return newStore(t) }})
		})
	}
}

// sized tests a [eventlog.SizedStore].
func sized(t *testing.T, s suite) {
	store, ok := s.Store.(eventlog.SizedStore)
	if !ok {
		t.Skip("the store is not a SizedStore")
	}
	size := func() int64 {
		bytes, err := store.Size(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	before := size()
	half := s.append(t, strings.Repeat("x", 10_000))
	one := size()
	s.append(t, strings.Repeat("y", 10_000))
	if both := size(); one < before+10_000 || both < one+10_000 {
		t.Errorf("the size is %d, then %d, then %d after appends of 10000 bytes each", before, one, both)
	}
	if err := store.Trim(t.Context(), half); err != nil {
		t.Fatal(err)
	}
	if left := size(); left > one {
		t.Errorf("the size is %d after a trim of half of it, and was %d before", left, one)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Size(ctx); err == nil {
		t.Error("Size works with a context that is canceled")
	}
}

// suite is a store under test.
type suite struct {
	eventlog.Store
	another func() eventlog.Store
}

func (s suite) append(t *testing.T, texts ...string) eventlog.Position {
	t.Helper()
	data := make([][]byte, len(texts))
	for i, text := range texts {
		data[i] = []byte(text)
	}
	p, err := s.Append(t.Context(), data...)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	return p
}

// fill appends n records, "1" to "n".
func (s suite) fill(t *testing.T, n int) eventlog.Position {
	t.Helper()
	p := s.bounds(t).Head()
	for i := range n {
		p = s.append(t, fmt.Sprint(i+1))
	}
	return p
}

func (s suite) bounds(t *testing.T) eventlog.Bounds {
	t.Helper()
	b, err := s.Bounds(t.Context())
	if err != nil {
		t.Fatalf("Bounds: %v", err)
	}
	return b
}

func (s suite) read(t *testing.T, after eventlog.Position, limit eventlog.Limit) eventlog.Batch {
	t.Helper()
	b, err := s.Read(t.Context(), after, limit)
	if err != nil {
		t.Fatalf("Read after %v: %v", after, err)
	}
	return b
}

// want checks that records have the texts, and follow a sequence number.
func want(t *testing.T, records []eventlog.Record, after uint64, texts ...string) {
	t.Helper()
	if len(records) != len(texts) {
		t.Fatalf("got %d records, want %d", len(records), len(texts))
	}
	for i, r := range records {
		if r.Sequence != after+uint64(i)+1 || string(r.Data) != texts[i] {
			t.Fatalf("record %d is %d with %q, want %d with %q",
				i, r.Sequence, r.Data, after+uint64(i)+1, texts[i])
		}
	}
}

// wantLost checks the error for a position, which must name the earliest one.
func wantLost(t *testing.T, err error, reason error, p, earliest eventlog.Position) {
	t.Helper()
	var lost *eventlog.PositionError
	if !errors.As(err, &lost) || !errors.Is(err, reason) {
		t.Fatalf("got %v, want a PositionError with: %v", err, reason)
	}
	if lost.Position != p || lost.Earliest != earliest {
		t.Fatalf("the error names %v and the earliest %v, want %v and %v",
			lost.Position, lost.Earliest, p, earliest)
	}
}

func empty(t *testing.T, s suite) {
	b := s.bounds(t)
	if b.Epoch == 0 || b.First != 1 || b.Last != 0 {
		t.Fatalf("the bounds are %+v, want an epoch, first 1, last 0", b)
	}
	batch := s.read(t, b.Head(), all)
	want(t, batch.Records, 0)
	if batch.Bounds != b {
		t.Errorf("Read returned bounds %+v, want %+v", batch.Bounds, b)
	}
	p, err := s.Seek(t.Context(), time.Time{})
	if err != nil || p != b.Head() {
		t.Errorf("Seek returned %v, %v; want %v", p, err, b.Head())
	}
}

func numbered(t *testing.T, s suite) {
	start := s.bounds(t).Head()
	for i := range uint64(5) {
		if p := s.append(t, "x"); p != (eventlog.Position{Epoch: start.Epoch, Sequence: i + 1}) {
			t.Fatalf("append %d returned %v", i, p)
		}
	}
	if b := s.bounds(t); b.First != 1 || b.Last != 5 || b.Epoch != start.Epoch {
		t.Errorf("the bounds are %+v", b)
	}
}

func adjacent(t *testing.T, s suite) {
	start := s.bounds(t).Head()
	p := s.append(t, "1", "", "3")
	if p.Sequence != 3 {
		t.Fatalf("Append returned %v, want the position after the last record", p)
	}
	want(t, s.read(t, start, all).Records, 0, "1", "", "3")
}

func nothing(t *testing.T, s suite) {
	p := s.append(t, "x")
	if again := s.append(t); again != p {
		t.Errorf("an append of nothing returned %v, want the head %v", again, p)
	}
}

func continued(t *testing.T, s suite) {
	start := s.bounds(t).Head()
	s.fill(t, 4)
	want(t, s.read(t, eventlog.Position{Epoch: start.Epoch, Sequence: 2}, all).Records, 2, "3", "4")
	batch := s.read(t, eventlog.Position{Epoch: start.Epoch, Sequence: 4}, all)
	want(t, batch.Records, 4)
	if batch.Bounds.Last != 4 {
		t.Errorf("Read at the head returned bounds %+v", batch.Bounds)
	}
}

func limited(t *testing.T, s suite) {
	start := s.bounds(t).Head()
	s.append(t, "12345", "12345", "12345")
	for _, test := range []struct {
		limit eventlog.Limit
		want  int
	}{
		{eventlog.Limit{Records: 2, Bytes: 1000}, 2},
		{eventlog.Limit{Records: 9, Bytes: 10}, 2},
		{eventlog.Limit{Records: 9, Bytes: 14}, 2},
		{eventlog.Limit{Records: 9, Bytes: 15}, 3},
		{eventlog.Limit{Records: 9, Bytes: 1}, 1},
		{eventlog.Limit{Records: 1, Bytes: 0}, 1},
	} {
		batch := s.read(t, start, test.limit)
		if len(batch.Records) != test.want || batch.Bounds.Last != 3 {
			t.Errorf("Read with %+v returned %d records and last %d, want %d and 3",
				test.limit, len(batch.Records), batch.Bounds.Last, test.want)
		}
	}
}

func beyond(t *testing.T, s suite) {
	p := s.fill(t, 2)
	for _, sequence := range []uint64{3, 1 << 40, 1<<64 - 1} {
		far := eventlog.Position{Epoch: p.Epoch, Sequence: sequence}
		_, err := s.Read(t.Context(), far, all)
		wantLost(t, err, eventlog.ErrUnknown, far, s.bounds(t).Earliest())
	}
}

func otherEpoch(t *testing.T, s suite) {
	s.fill(t, 3)
	other := suite{Store: s.another()}
	p := other.fill(t, 2)
	if p.Epoch == s.bounds(t).Epoch {
		t.Fatal("two logs have the same epoch")
	}
	_, err := s.Read(t.Context(), p, all)
	wantLost(t, err, eventlog.ErrUnknown, p, s.bounds(t).Earliest())
	_, err = s.Read(t.Context(), eventlog.Position{}, all)
	wantLost(t, err, eventlog.ErrUnknown, eventlog.Position{}, s.bounds(t).Earliest())
}

func trimmed(t *testing.T, s suite) {
	p := s.fill(t, 6)
	at := func(n uint64) eventlog.Position { return eventlog.Position{Epoch: p.Epoch, Sequence: n} }
	for _, through := range []uint64{0, 4, 4, 1} { // a trim of what is gone changes nothing
		if err := s.Trim(t.Context(), at(through)); err != nil {
			t.Fatalf("Trim through %d: %v", through, err)
		}
	}
	if b := s.bounds(t); b.First != 5 || b.Last != 6 || b.Earliest() != at(4) {
		t.Fatalf("the bounds are %+v, want 5 to 6", b)
	}
	_, err := s.Read(t.Context(), at(3), all)
	wantLost(t, err, eventlog.ErrExpired, at(3), at(4))
	_, err = s.Read(t.Context(), at(0), all)
	wantLost(t, err, eventlog.ErrExpired, at(0), at(4))
	want(t, s.read(t, at(4), all).Records, 4, "5", "6")
}

func trimUnknown(t *testing.T, s suite) {
	p := s.fill(t, 2)
	for _, unknown := range []eventlog.Position{
		{Epoch: p.Epoch, Sequence: 3}, {Epoch: p.Epoch + 1, Sequence: 1},
	} {
		wantLost(t, s.Trim(t.Context(), unknown), eventlog.ErrUnknown, unknown, s.bounds(t).Earliest())
	}
	if b := s.bounds(t); b.First != 1 || b.Last != 2 {
		t.Errorf("the bounds are %+v", b)
	}
}

func emptied(t *testing.T, s suite) {
	p := s.fill(t, 3)
	if err := s.Trim(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if b := s.bounds(t); b.First != 4 || b.Last != 3 || b.Earliest() != p || b.Head() != p {
		t.Fatalf("the bounds of an emptied log are %+v, want 4 to 3", b)
	}
	want(t, s.read(t, p, all).Records, 3)
	if next := s.append(t, "next"); next.Sequence != 4 {
		t.Errorf("the next record is %v, want number 4", next)
	}
	want(t, s.read(t, p, all).Records, 3, "next")
}

func seek(t *testing.T, s suite) {
	start := s.bounds(t).Head()
	before := time.Now().Add(-time.Minute)
	s.fill(t, 3)
	time.Sleep(10 * time.Millisecond)
	s.fill(t, 3)
	records := s.read(t, start, all).Records
	for i, r := range records {
		if i > 0 && r.Time.Before(records[i-1].Time) {
			t.Fatalf("the time of record %d is %v, before that of the one before it, %v",
				r.Sequence, r.Time, records[i-1].Time)
		}
		p, err := s.Seek(t.Context(), r.Time)
		if err != nil || p.Epoch != start.Epoch || p.Sequence >= r.Sequence ||
			p.Sequence > 0 && !records[p.Sequence-1].Time.Before(r.Time) {
			t.Fatalf("Seek of the time of record %d returned %v, %v", r.Sequence, p, err)
		}
	}
	// A store of coarser times must not take the record for one after its time
	for i, r := range records {
		p, err := s.Seek(t.Context(), r.Time.Add(1))
		if err != nil || p.Sequence < r.Sequence || p.Sequence > r.Sequence &&
			!records[p.Sequence-1].Time.Equal(r.Time) {
			t.Fatalf("Seek of a nanosecond after record %d returned %v, %v", i+1, p, err)
		}
	}
	for when, sequence := range map[time.Time]uint64{before: 0, time.Now().Add(time.Hour): 6} {
		if p, err := s.Seek(t.Context(), when); err != nil || p.Sequence != sequence {
			t.Errorf("Seek %v returned %v, %v; want %d", when, p, err, sequence)
		}
	}
	if err := s.Trim(t.Context(), eventlog.Position{Epoch: start.Epoch, Sequence: 2}); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Seek(t.Context(), before); err != nil || p.Sequence != 2 {
		t.Errorf("Seek before what was trimmed returned %v, %v; want the earliest position", p, err)
	}
}

func noticed(t *testing.T, s suite) {
	for i := range 20 {
		changed := s.Watch()
		if s.append(t, fmt.Sprint(i)); !closes(changed) {
			t.Fatalf("append %d did not close the channel of Watch", i)
		}
	}
}

func closes(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-time.After(wait):
		return false
	}
}

func canceled(t *testing.T, s suite) {
	p := s.fill(t, 1)
	start := eventlog.Position{Epoch: p.Epoch}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func() error{
		"Append": func() error { _, err := s.Append(ctx, bytes.Repeat([]byte("x"), 10)); return err },
		"Read":   func() error { _, err := s.Read(ctx, start, all); return err },
		"Bounds": func() error { _, err := s.Bounds(ctx); return err },
		"Seek":   func() error { _, err := s.Seek(ctx, time.Now()); return err },
		"Trim":   func() error { return s.Trim(ctx, p) },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s returned %v, want context.Canceled", name, err)
		}
	}
	want(t, s.read(t, start, all).Records[:1], 0, "1")
}

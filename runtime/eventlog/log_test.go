package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	subscriptionv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/subscription/v1"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

type (
	event    = subscriptionv1.Event
	position = eventlog.Position
)

func newLog(store eventlog.Store, opts ...eventlog.Option) *eventlog.Log[event] {
	return eventlog.New[event](store, opts...)
}

// add appends the events with the numbers from first to last.
func add(t testing.TB, log *eventlog.Log[event], first, last int64) position {
	t.Helper()
	var p position
	for id := first; id <= last; id++ {
		var err error
		if p, err = log.Append(t.Context(), &event{Id: id}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func earliest(t testing.TB, log *eventlog.Log[event]) position {
	t.Helper()
	b, err := log.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return b.Earliest()
}

// wantEvents reads up to the head, and checks the numbers of the events.
func wantEvents(t testing.TB, log *eventlog.Log[event], after position, first, last int64) {
	t.Helper()
	next := first
	for e, err := range log.Read(t.Context(), after) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Message.GetId() != next || e.Position.Sequence != uint64(next) || e.Time.IsZero() {
			t.Fatalf("got event %d at %v, %v; want %d", e.Message.GetId(), e.Position, e.Time, next)
		}
		next++
	}
	if next != last+1 {
		t.Fatalf("got the events up to %d, want %d", next-1, last)
	}
}

func TestReadFromAnywhere(t *testing.T) {
	for name, opts := range map[string][]eventlog.Option{
		"with a tail": nil, "with a short tail": {eventlog.WithTail(3, 1<<20)}, "with a small tail": {eventlog.WithTail(100, 1)},
	} {
		log := newLog(eventlog.NewMemory(), opts...)
		start := earliest(t, log)
		add(t, log, 1, 700)
		for _, after := range []int64{0, 699, 350, 700, 698, 1} {
			wantEvents(t, log, position{Epoch: start.Epoch, Sequence: uint64(after)}, after+1, 700)
		}
		add(t, log, 701, 1400)
		wantEvents(t, log, position{Epoch: start.Epoch, Sequence: 1390}, 1391, 1400) // past the tail
		wantEvents(t, log, start, 1, 1400)
		if t.Failed() {
			t.Log(name)
		}
	}
}

func TestAppend(t *testing.T) {
	log := newLog(eventlog.NewMemory())
	head, err := log.Append(t.Context())
	if err != nil || head != earliest(t, log) {
		t.Fatalf("an append of nothing returned %v, %v", head, err)
	}
	e := &event{Id: 1}
	if p, err := log.Append(t.Context(), e, &event{Id: 2}); err != nil || p.Sequence != 2 {
		t.Fatalf("Append returned %v, %v", p, err)
	}
	e.Id = 99 // belongs to the caller
	wantEvents(t, log, head, 1, 2)
	if _, err := log.Append(t.Context(), &event{Id: 3}, nil); err == nil {
		t.Error("a nil message was appended")
	}
	wantEvents(t, log, head, 1, 2)
}

func TestTrimEmptiesTheTail(t *testing.T) {
	log := newLog(eventlog.NewMemory())
	start := earliest(t, log)
	p := add(t, log, 1, 10)
	wantEvents(t, log, start, 1, 10)
	if err := log.Trim(t.Context(), position{Epoch: p.Epoch, Sequence: 6}); err != nil {
		t.Fatal(err)
	}
	for _, err := range log.Read(t.Context(), start) {
		if !errors.Is(err, eventlog.ErrExpired) {
			t.Fatalf("got %v, want ErrExpired", err)
		}
	}
	wantEvents(t, log, earliest(t, log), 7, 10)
	if err := log.Trim(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	add(t, log, 11, 12)
	wantEvents(t, log, p, 11, 12)
}

// replaced is a store whose log is replaced by another, as by a restored backup.
type replaced struct {
	atomic.Pointer[eventlog.Memory]
}

func (r *replaced) Append(ctx context.Context, data ...[]byte) (position, error) {
	return r.Load().Append(ctx, data...)
}
func (r *replaced) Read(ctx context.Context, p position, l eventlog.Limit) (eventlog.Batch, error) {
	return r.Load().Read(ctx, p, l)
}
func (r *replaced) Bounds(ctx context.Context) (eventlog.Bounds, error) { return r.Load().Bounds(ctx) }
func (r *replaced) Seek(ctx context.Context, at time.Time) (position, error) {
	return r.Load().Seek(ctx, at)
}
func (r *replaced) Trim(ctx context.Context, p position) error { return r.Load().Trim(ctx, p) }
func (r *replaced) Watch() <-chan struct{}                     { return r.Load().Watch() }

func TestReadersNoticeAnotherIncarnation(t *testing.T) {
	store := &replaced{}
	store.Store(eventlog.NewMemory())
	log := newLog(store)
	old := add(t, log, 1, 5)
	reader := log.Reader(old)
	if e, err := reader.Next(t.Context()); e != nil || err != nil {
		t.Fatalf("at the head: %v, %v", e, err)
	}
	former := store.Load()
	store.Store(eventlog.NewMemory())
	add(t, log, 1, 9)
	if _, err := former.Append(t.Context(), nil); err != nil { // closes the channel of Watch
		t.Fatal(err)
	}
	var lost *eventlog.PositionError
	if _, err := reader.Next(t.Context()); !errors.As(err, &lost) || !errors.Is(err, eventlog.ErrUnknown) {
		t.Fatalf("the reader of the former log got %v, want ErrUnknown", err)
	}
	wantEvents(t, log, lost.Earliest, 1, 9)
	if _, err := log.Reader(old).Next(t.Context()); !errors.Is(err, eventlog.ErrUnknown) {
		t.Fatalf("a new reader with an old position got %v", err)
	}
}

// counting is a store that counts the records that are read.
type counting struct {
	eventlog.Store
	reads, records atomic.Int64
}

func (c *counting) Read(ctx context.Context, p position, l eventlog.Limit) (eventlog.Batch, error) {
	b, err := c.Store.Read(ctx, p, l)
	c.reads.Add(1)
	c.records.Add(int64(len(b.Records)))
	return b, err
}

// TestEachRecordIsReadOnce checks that readers share what is read, and that waiting reads nothing.
func TestEachRecordIsReadOnce(t *testing.T) {
	store := &counting{Store: eventlog.NewMemory()}
	log := newLog(store)
	start := earliest(t, log)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var readers sync.WaitGroup
	for range 50 {
		readers.Go(func() {
			n := 0
			for _, err := range log.Follow(ctx, start) {
				if err != nil {
					t.Error(err)
					return
				}
				if n++; n == 100 {
					return
				}
			}
		})
	}
	add(t, log, 1, 100)
	readers.Wait()
	if n := store.records.Load(); n != 100 {
		t.Errorf("%d records were read, want 100", n)
	}
	reader := log.Reader(position{Epoch: start.Epoch, Sequence: 100})
	_, _ = reader.Next(t.Context())
	before := store.reads.Load()
	for range 100 {
		if e, err := log.Reader(reader.Position()).Next(t.Context()); e != nil || err != nil {
			t.Fatal(e, err)
		}
	}
	if n := store.reads.Load() - before; n != 0 {
		t.Errorf("readers at the head read the store %d times", n)
	}
}

// blocked is a store whose reads wait for their context.
type blocked struct {
	eventlog.Store
	block atomic.Bool
	reads chan struct{}
}

func (b *blocked) Read(ctx context.Context, p position, l eventlog.Limit) (eventlog.Batch, error) {
	if b.block.Load() {
		b.reads <- struct{}{}
		<-ctx.Done()
		return eventlog.Batch{}, ctx.Err()
	}
	return b.Store.Read(ctx, p, l)
}

// TestACanceledReaderStopsNoOther checks that another reader goes on when the one that reads the
// store is canceled.
func TestACanceledReaderStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &blocked{Store: eventlog.NewMemory(), reads: make(chan struct{}, 10)}
		log := newLog(store)
		start := earliest(t, log)
		add(t, log, 1, 1)
		store.block.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		impatient, stop := context.WithCancel(t.Context())
		results := make(chan error, 3)
		next := func(ctx context.Context) {
			_, err := log.Reader(start).Next(ctx)
			results <- err
		}
		go next(ctx)
		<-store.reads
		go next(t.Context())
		go next(impatient)
		synctest.Wait()
		stop()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("a reader that waits for another got %v, want its own cancellation", err)
		}
		store.block.Store(false)
		cancel()
		first, second := <-results, <-results
		if !errors.Is(errors.Join(first, second), context.Canceled) || first != nil && second != nil {
			t.Errorf("got %v and %v, want one canceled and one event", first, second)
		}
	})
}

// TestRandomReaders compares readers with the log, while it grows and is trimmed, for all sizes of
// tails.
func TestRandomReaders(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		log := newLog(eventlog.NewMemory(eventlog.WithMaxRecords(1+random.IntN(900))),
			eventlog.WithTail(1+random.IntN(400), 1+random.IntN(4000)))
		epoch := earliest(t, log).Epoch
		readers := make([]*eventlog.Reader[event], 8)
		for i := range readers {
			readers[i] = log.Reader(position{Epoch: epoch})
		}
		id := int64(0)
		for range 400 {
			n := int64(random.IntN(40))
			add(t, log, id+1, id+n)
			id += n
			r := random.IntN(len(readers))
			for range random.IntN(300) {
				was := readers[r].Position()
				e, err := readers[r].Next(t.Context())
				var lost *eventlog.PositionError
				if errors.As(err, &lost) {
					readers[r] = log.Reader(lost.Earliest)
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if e == nil {
					if was.Sequence != uint64(id) {
						t.Fatalf("seed %d: a reader ends at %v, and the log at %d", seed, was, id)
					}
					break
				}
				if e.Position.Sequence != was.Sequence+1 || e.Message.GetId() != int64(e.Position.Sequence) {
					t.Fatalf("seed %d: event %d at %v follows %v", seed, e.Message.GetId(), e.Position, was)
				}
			}
		}
	}
}

// late is a store to which another process appends directly after the first read.
type late struct {
	eventlog.Store
	once sync.Once
	data []byte
}

func (l *late) Read(ctx context.Context, p position, limit eventlog.Limit) (eventlog.Batch, error) {
	b, err := l.Store.Read(ctx, p, limit)
	l.once.Do(func() { _, err = l.Store.Append(ctx, l.data) })
	return b, err
}

// TestNothingIsMissedBetweenReadAndWait checks that a reader that has read the end notices an
// append which was too late for that.
func TestNothingIsMissedBetweenReadAndWait(t *testing.T) {
	data, err := proto.Marshal(&event{Id: 1})
	if err != nil {
		t.Fatal(err)
	}
	log := newLog(&late{Store: eventlog.NewMemory(), data: data})
	r := log.Reader(earliest(t, log))
	e, err := r.Next(t.Context())
	if e == nil && err == nil {
		select {
		case <-r.Changed():
		default:
			t.Fatal("the append was not noticed")
		}
		e, err = r.Next(t.Context())
	}
	if err != nil || e.Message.GetId() != 1 {
		t.Fatalf("got %v, %v", e, err)
	}
}

// broken is a store that does not keep the contract.
type broken struct {
	eventlog.Store
	change func(*eventlog.Batch)
}

func (b *broken) Read(ctx context.Context, p position, limit eventlog.Limit) (eventlog.Batch, error) {
	batch, err := b.Store.Read(ctx, p, limit)
	b.change(&batch)
	return batch, err
}

// failing is a store all of whose methods fail.
type failing struct{ err error }

func (f failing) Append(context.Context, ...[]byte) (position, error) { return position{}, f.err }
func (f failing) Read(context.Context, position, eventlog.Limit) (eventlog.Batch, error) {
	return eventlog.Batch{}, f.err
}
func (f failing) Bounds(context.Context) (eventlog.Bounds, error)   { return eventlog.Bounds{}, f.err }
func (f failing) Seek(context.Context, time.Time) (position, error) { return position{}, f.err }
func (f failing) Trim(context.Context, position) error              { return f.err }
func (f failing) Watch() <-chan struct{}                            { return nil }
func (f failing) AppendTx(context.Context, any, ...[]byte) (position, error) {
	return position{}, f.err
}

// TestAnOutageIsUnavailable checks what each method returns for an error of the store: clients come
// back after an outage, and see what the store has refused.
func TestAnOutageIsUnavailable(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	outage := errors.New("connection refused")
	for _, c := range []struct {
		ctx    context.Context
		err    error
		change bool // to UNAVAILABLE
	}{
		{t.Context(), outage, true},
		{t.Context(), fmt.Errorf("no connection: %w", context.Canceled), true}, // of an attempt
		{t.Context(), fmt.Errorf("no answer: %w", context.DeadlineExceeded), true},
		{t.Context(), &eventlog.PositionError{}, false},
		{t.Context(), fmt.Errorf("refused: %w", eventlog.ErrTooLarge), false},
		{t.Context(), eventlog.ErrNoTx, false},
		{t.Context(), status.Error(codes.ResourceExhausted, "full"), false},
		{ended, outage, false},
	} {
		log := newLog(failing{c.err})
		calls := map[string]error{"Trim": log.Trim(c.ctx, position{})}
		_, calls["Append"] = log.Append(c.ctx, &event{})
		_, calls["Append of nothing"] = log.Append(c.ctx)
		_, calls["AppendTx"] = log.AppendTx(c.ctx, nil, &event{})
		_, calls["Bounds"] = log.Bounds(c.ctx)
		_, calls["Seek"] = log.Seek(c.ctx, time.Now())
		_, calls["Next"] = log.Reader(position{}).Next(c.ctx)
		for name, err := range calls {
			if got := rpcerr.ReasonOf(err) == eventlog.ReasonUnavailable; got != c.change || !errors.Is(err, c.err) {
				t.Errorf("%s returned %v for %v", name, err, c.err)
			}
			if c.change && status.Code(err) != codes.Unavailable {
				t.Errorf("%s returned the code %v for %v", name, status.Code(err), c.err)
			}
		}
	}
}

// TestAnOutageOfOldEntriesIsUnavailable checks the same for a reader that is older than the tail.
func TestAnOutageOfOldEntriesIsUnavailable(t *testing.T) {
	store := &struct{ eventlog.Store }{eventlog.NewMemory()}
	log := newLog(store, eventlog.WithTail(1, 1))
	start := earliest(t, log)
	add(t, log, 1, 5)
	wantEvents(t, log, start, 1, 5)
	store.Store = failing{errors.New("connection refused")}
	if _, err := log.Reader(start).Next(t.Context()); rpcerr.ReasonOf(err) != eventlog.ReasonUnavailable {
		t.Errorf("got %v", err)
	}
}

// TestBrokenStores checks that a store which skips or withholds records is an error, not another
// history.
func TestBrokenStores(t *testing.T) {
	for name, change := range map[string]func(*eventlog.Batch){
		"skips":    func(b *eventlog.Batch) { b.Records = b.Records[1:] },
		"repeats":  func(b *eventlog.Batch) { b.Records[1] = b.Records[0] },
		"empty":    func(b *eventlog.Batch) { b.Records = nil },
		"no proto": func(b *eventlog.Batch) { b.Records[2].Data = []byte{0xff} },
	} {
		for _, tail := range []eventlog.Option{eventlog.WithTail(100, 1000), eventlog.WithTail(1, 1)} {
			store := &broken{Store: eventlog.NewMemory(), change: func(*eventlog.Batch) {}}
			log := newLog(store, tail)
			start := earliest(t, log)
			p := add(t, log, 1, 5)
			wantEvents(t, log, position{Epoch: p.Epoch, Sequence: 3}, 4, 5) // what follows is older than the tail
			store.change = change
			failed := false
			for _, err := range log.Read(t.Context(), start) {
				failed = failed || err != nil
			}
			if !failed {
				t.Errorf("%s: no error", name)
			}
		}
	}
}

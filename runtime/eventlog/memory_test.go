package eventlog_test

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/eventlog/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) eventlog.Store { return eventlog.NewMemory() })
}

// fillMemory appends n records of a size.
func fillMemory(t *testing.T, m *eventlog.Memory, n, size int) {
	t.Helper()
	for range n {
		if _, err := m.Append(t.Context(), bytes.Repeat([]byte("x"), size)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	for name, test := range map[string]struct {
		option eventlog.MemoryOption
		want   uint64 // records that are left
	}{
		"bytes":   {eventlog.WithMaxBytes(10 * (100 + 64)), 10},
		"records": {eventlog.WithMaxRecords(7), 7},
	} {
		m := eventlog.NewMemory(test.option)
		fillMemory(t, m, 3000, 100)
		b, err := m.Bounds(t.Context())
		if err != nil || b.Last != 3000 || b.Last-b.First+1 != test.want {
			t.Errorf("%s: the bounds are %+v, %v; want the last %d records", name, b, err, test.want)
		}
		batch, err := m.Read(t.Context(), b.Earliest(), eventlog.Limit{Records: 100, Bytes: 1 << 20})
		if err != nil || uint64(len(batch.Records)) != test.want {
			t.Errorf("%s: Read returned %d records, %v", name, len(batch.Records), err)
		}
	}
}

func TestMemoryRejectsWhatNeverFits(t *testing.T) {
	m := eventlog.NewMemory(eventlog.WithMaxBytes(300), eventlog.WithMaxRecords(2))
	fillMemory(t, m, 1, 100)
	for _, data := range [][][]byte{{make([]byte, 237)}, {make([]byte, 100), make([]byte, 100)}, {nil, nil, nil}} {
		if _, err := m.Append(t.Context(), data...); !errors.Is(err, eventlog.ErrTooLarge) {
			t.Errorf("Append returned %v, want ErrTooLarge", err)
		}
	}
	if b, _ := m.Bounds(t.Context()); b.First != 1 || b.Last != 1 {
		t.Errorf("the bounds are %+v after rejected appends", b)
	}
	fillMemory(t, m, 1, 236)
}

func TestMemoryForgetsByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := eventlog.NewMemory(eventlog.WithMaxAge(time.Minute))
		fillMemory(t, m, 3, 1)
		time.Sleep(40 * time.Second)
		fillMemory(t, m, 2, 1)
		for _, test := range []struct {
			wait  time.Duration
			first uint64
		}{{20 * time.Second, 1}, {time.Nanosecond, 4}, {time.Minute, 6}} {
			time.Sleep(test.wait)
			if b, _ := m.Bounds(t.Context()); b.First != test.first || b.Last != 5 {
				t.Errorf("the bounds are %+v, want first %d", b, test.first)
			}
		}
	})
}

func TestEpochsDiffer(t *testing.T) {
	seen := map[uint64]bool{0: true}
	for range 100 {
		b, _ := eventlog.NewMemory().Bounds(t.Context())
		if seen[b.Epoch] {
			t.Fatalf("the epoch %d is not new", b.Epoch)
		}
		seen[b.Epoch] = true
	}
}

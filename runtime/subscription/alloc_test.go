//go:build !race

// The race detector adds allocations.

package subscription_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

// TestAllocationsPerEvent checks that sending an event to one more subscriber allocates nothing.
func TestAllocationsPerEvent(t *testing.T) {
	const n = 500
	log := newLog(t, n)
	for name, req := range map[string]*request{"plain": {}, "filtered": {EventTypes: []string{"", "x"}, Level: "info"}} {
		keep := subscription.WithFilter(func(e *event) bool { return e.GetId() > 0 })
		read := func(events int) func() {
			return func() {
				if got := 0; events > 0 {
					for range subscribe.Serve(t.Context(), req, log, subscription.FromEarliest(), keep) {
						if got++; got == events {
							break
						}
					}
				}
			}
		}
		read(n)() // fills the tail
		if few, many := alloctest.Least(read(10)), alloctest.Least(read(n)); many > few {
			t.Errorf("%s: %v allocations for 10 events and %v for %d, want no more", name, few, many, n)
		}
	}
}

// TestIdleAllocations holds what a subscriber that waits keeps in memory, its goroutine included.
func TestIdleAllocations(t *testing.T) {
	const n, limit = 10_000, 8 << 10
	if got := idleBytes(t, n); got > limit {
		t.Errorf("an idle subscriber takes %d bytes, want at most %d", got, limit)
	}
}

// idleBytes returns the memory per idle subscriber, of n.
func idleBytes(t testing.TB, n int) int {
	log := newLog(t, 10)
	ctx, cancel := context.WithCancel(t.Context())
	var running, waiting sync.WaitGroup
	before := memory()
	waiting.Add(n)
	for range n {
		running.Go(func() {
			got := 0
			for range subscribe.Serve(asking(ctx), nil, log, subscription.FromEarliest()) {
				if got++; got == 11 { // the mark after the replay
					waiting.Done()
				}
			}
		})
	}
	waiting.Wait()
	time.Sleep(10 * time.Millisecond)
	used := memory() - before
	cancel()
	running.Wait()
	return int(used) / n
}

func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// BenchmarkIdle measures 100,000 subscribers that wait.
func BenchmarkIdle(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(float64(idleBytes(b, 100_000)), "bytes/subscriber")
	}
}

// BenchmarkDeliver measures the time per event and subscriber, with 1,000 subscribers that wait for
// each event.
func BenchmarkDeliver(b *testing.B) {
	const n = 1000
	log := eventlog.New[event](eventlog.NewMemory())
	ctx, cancel := context.WithCancel(b.Context())
	var running, waiting sync.WaitGroup
	for range n {
		running.Go(func() {
			for _, err := range subscribe.Serve(ctx, nil, log, subscription.FromEarliest()) {
				if err == nil {
					waiting.Done()
				}
			}
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		waiting.Add(n)
		add(b, log, 1, 1)
		waiting.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/delivery")
	cancel()
	running.Wait()
}

// BenchmarkReplay measures the time per event of one subscriber that reads history: from the shared
// tail, and from the store.
func BenchmarkReplay(b *testing.B) {
	for name, opts := range map[string][]eventlog.Option{"tail": nil, "store": {eventlog.WithTail(1, 1)}} {
		b.Run(name, func(b *testing.B) {
			const n = 1000
			log := newLog(b, n, opts...)
			for range log.Read(b.Context(), position(b, log, 0)) {
			}
			req := start(b, log)
			b.ReportAllocs()
			for b.Loop() {
				got := 0
				for range subscribe.Serve(b.Context(), req, log) {
					if got++; got == n {
						break
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/event")
		})
	}
}

package limit_test

import (
	"container/heap"
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/limit"
)

// server is a simulation: calls take base each while at most capacity of them run, and
// proportionally longer beyond.
type server struct {
	c        *limit.Concurrency
	random   *rand.Rand
	now      time.Duration
	running  calls
	base     time.Duration
	capacity int
	clients  int // each calls again when its call has finished or was rejected
	noise    func(*rand.Rand) float64
	served   int
}

type call struct{ began, ends time.Duration }

// calls is a heap ordered by end.
type calls []call

func (c calls) Len() int           { return len(c) }
func (c calls) Less(i, j int) bool { return c[i].ends < c[j].ends }
func (c calls) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *calls) Push(x any)        { *c = append(*c, x.(call)) }
func (c *calls) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

func newServer(bound, capacity, clients int) *server {
	return &server{
		c: limit.NewAdaptive(bound, 0), random: rand.New(rand.NewPCG(1, 2)),
		base: 10 * time.Millisecond, capacity: capacity, clients: clients,
		noise: func(*rand.Rand) float64 { return 1 },
	}
}

// serve finishes the given number of calls, and runs check after each.
func (s *server) serve(n int, check func(limit int)) {
	for range n {
		for len(s.running) < s.clients && s.c.TryAcquire() {
			load := math.Max(1, float64(len(s.running)+1)/float64(s.capacity))
			took := time.Duration(float64(s.base) * load * s.noise(s.random))
			heap.Push(&s.running, call{s.now, s.now + took})
		}
		done := heap.Pop(&s.running).(call)
		s.now = done.ends
		s.c.Release(done.ends-done.began, true)
		s.served++
		if check != nil {
			check(s.c.Limit())
		}
	}
}

// noises are ways in which latencies vary although nothing is wrong.
var noises = map[string]func(*rand.Rand) float64{
	"none":        func(*rand.Rand) float64 { return 1 },
	"uniform":     func(r *rand.Rand) float64 { return 0.5 + r.Float64() },
	"exponential": func(r *rand.Rand) float64 { return r.ExpFloat64() },
	"log-normal":  func(r *rand.Rand) float64 { return math.Exp(r.NormFloat64()) },
	"half cached": func(r *rand.Rand) float64 { return []float64{1, 20}[r.IntN(2)] },
	"slow 1%":     func(r *rand.Rand) float64 { return []float64{1, 100}[(r.IntN(100)+1)/100] },
}

// TestAdaptiveIsCalm checks that the limit reaches its maximum and stays there while the server has
// spare capacity.
func TestAdaptiveIsCalm(t *testing.T) {
	for name, noise := range noises {
		for _, clients := range []int{1, 50, 200} {
			s := newServer(100, 1000, clients)
			s.noise = noise
			s.serve(5_000, nil)
			s.serve(20_000, func(limit int) {
				if limit != 100 {
					t.Fatalf("%s, %d clients: the limit is %d after %d calls; want its bound, 100", name, clients, limit, s.served)
				}
			})
		}
	}
}

// TestAdaptiveFindsCapacity overloads the server and checks that the limit stays near its capacity,
// at full throughput.
func TestAdaptiveFindsCapacity(t *testing.T) {
	for name, noise := range noises {
		for _, bound := range []int{100, 1000} {
			s := newServer(bound, 30, 2*bound)
			s.noise = noise
			s.serve(20_000, nil)
			sum, began := 0, s.now
			s.serve(40_000, func(limit int) { sum += limit })
			if average := sum / 40_000; average < 25 || average > 60 {
				t.Errorf("%s, bound %d: the limit is %d on average; want around 30", name, bound, average)
			}
			possible := (s.now - began).Seconds() / s.base.Seconds() * 30
			if name == "none" && 40_000 < 0.9*possible {
				t.Errorf("bound %d: 40000 calls in %v, where there could have been %.0f", bound, s.now-began, possible)
			}
		}
	}
}

// TestAdaptiveFallsAndRecovers removes nine tenths of the capacity and restores it.
func TestAdaptiveFallsAndRecovers(t *testing.T) {
	for name, noise := range noises {
		s := newServer(200, 400, 300)
		s.noise = noise
		s.serve(20_000, nil)
		if got := s.c.Limit(); got != 200 {
			t.Errorf("%s: the limit is %d before the overload, want 200", name, got)
		}
		s.capacity = 20
		s.serve(10_000, nil)
		s.serve(10_000, func(limit int) {
			if limit > 120 {
				t.Fatalf("%s: the limit is %d in the overload; want it near 20", name, limit)
			}
		})
		s.capacity = 400
		s.serve(20_000, nil)
		if got := s.c.Limit(); got != 200 {
			t.Errorf("%s: the limit is %d after the overload, want 200", name, got)
		}
	}
}

// TestAdaptiveSlowBackend makes calls slow whatever their number: rejecting them would not help.
func TestAdaptiveSlowBackend(t *testing.T) {
	s := newServer(100, 1000, 50)
	s.serve(10_000, nil)
	s.base *= 5
	lowest := 100
	s.serve(10_000, func(limit int) { lowest = min(lowest, limit) })
	if lowest == 100 || lowest < 10 {
		t.Errorf("the limit fell to %d; want a try, and not more", lowest)
	}
	if got := s.c.Limit(); got != 100 {
		t.Errorf("the limit is %d in the end, want 100", got)
	}
}

// feed runs n calls of the given latency, one after the other.
func feed(t *testing.T, c *limit.Concurrency, n int, took time.Duration, ok bool) {
	t.Helper()
	for range n {
		if !acquire(context.Background(), c) {
			t.Fatal("rejected though no call runs")
		}
		c.Release(took, ok)
	}
}

// TestAdaptiveFailures checks that timeouts make the limit fall, and that early errors do not make
// successful calls look slow.
func TestAdaptiveFailures(t *testing.T) {
	c := limit.NewAdaptive(20, 0)
	feed(t, c, 1_000, time.Microsecond, false)
	if got := c.Limit(); got != 10 {
		t.Errorf("the limit is %d after early errors only; want it where it began, 10", got)
	}
	feed(t, c, 2_000, time.Second, true)
	feed(t, c, 10_000, time.Microsecond, false)
	feed(t, c, 1_000, time.Second, true)
	if got := c.Limit(); got != 20 {
		t.Errorf("the limit is %d after early errors, want 20", got)
	}
	feed(t, c, 3*64, 5*time.Second, false) // one window that has started, and two more
	if got := c.Limit(); got >= 20 {
		t.Errorf("the limit is %d after timeouts, want less than 20", got)
	}
}

// FuzzAdaptive feeds arbitrary latencies and checks that the limit stays within its bounds.
func FuzzAdaptive(f *testing.F) {
	f.Add(uint64(1), 7, int64(time.Millisecond))
	f.Add(uint64(2), 1, int64(math.MaxInt64))
	f.Add(uint64(3), -1, int64(-1))
	f.Fuzz(func(t *testing.T, seed uint64, bound int, scale int64) {
		c, random := limit.NewAdaptive(bound, 0), rand.New(rand.NewPCG(seed, 0))
		for range 3_000 {
			if !acquire(context.Background(), c) {
				t.Fatal("rejected though no call runs")
			}
			took := time.Duration(scale) >> random.IntN(64)
			c.Release(took, random.IntN(4) > 0)
			if got := c.Limit(); got < 1 || got > max(bound, 1) {
				t.Fatalf("the limit is %d of %d", got, bound)
			}
		}
	})
}

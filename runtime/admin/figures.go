package admin

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
)

// figures counts the calls of all methods.
type figures struct {
	mu      sync.Mutex
	methods map[string]*method // by FullMethod
}

// codeCount is the number of codes of gRPC.
const codeCount = int(codes.Unauthenticated) + 1

// method counts the calls of one method, since the process started.
type method struct {
	page      *Page
	name      string
	codes     [codeCount]atomic.Uint64
	durations [buckets]atomic.Uint64

	mu       sync.Mutex
	rejected map[string]uint64 // by step
	samples  []sample          // the last minute, oldest first
}

// counts are what a method had counted at one time.
type counts struct {
	codes     [codeCount]uint64
	durations [buckets]uint64
}

// sample is the counts of a time. Samples between which no call ended share their counts.
type sample struct {
	at time.Time
	*counts
}

// Samples of the last minute.
const (
	sampleEvery = 10 * time.Second
	window      = time.Minute
)

// Bind implements [runtime.Observer].
func (p *Page) Bind(info runtime.MethodInfo) runtime.MethodObserver {
	return p.figures.method(p, info.FullMethod)
}

// method returns the figures of a method, which servers share.
func (f *figures) method(p *Page, name string) *method {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.methods[name]
	if m == nil {
		m = &method{page: p, name: name}
		if f.methods == nil {
			f.methods = make(map[string]*method)
		}
		f.methods[name] = m
	}
	return m
}

// of returns the figures of a method, or nil if it is not observed.
func (f *figures) of(name string) *method {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.methods[name]
}

// all returns the figures of all methods.
func (f *figures) all() []*method {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]*method, 0, len(f.methods))
	for _, m := range f.methods {
		all = append(all, m)
	}
	return all
}

// sample samples all methods until ctx ends.
func (f *figures) sample(ctx context.Context) {
	ticks := time.NewTicker(sampleEvery)
	defer ticks.Stop()
	for {
		for _, m := range f.all() {
			m.keepSample(time.Now())
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
	}
}

// Begin implements [runtime.MethodObserver].
func (m *method) Begin(ctx context.Context, _ runtime.Call) context.Context { return ctx }

// End implements [runtime.MethodObserver].
func (m *method) End(_ context.Context, call runtime.Call, outcome runtime.Outcome) {
	m.durations[bucketOf(outcome.Duration)].Add(1)
	if outcome.Err == nil {
		m.codes[codes.OK].Add(1)
		return
	}
	s := status.Convert(outcome.Err)
	code := s.Code()
	if int(code) >= codeCount {
		code = codes.Unknown
	}
	m.codes[code].Add(1)
	if outcome.Step != "" {
		m.mu.Lock()
		if m.rejected == nil {
			m.rejected = make(map[string]uint64)
		}
		m.rejected[outcome.Step]++ // steps are a closed list
		m.mu.Unlock()
	}
	m.page.failures.add(failureOf(m.name, call, outcome, code, s.Message()))
}

// keepSample adds a sample, and drops those that [method.recent] no longer needs. A method that was
// never called has none.
func (m *method) keepSample(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, n := m.count(), len(m.samples)
	switch {
	case n > 0 && m.samples[n-1].codes == c.codes:
		c = m.samples[n-1].counts
	case n == 0 && c.codes == [codeCount]uint64{}:
		return
	}
	m.samples = append(m.samples, sample{now, c})
	for len(m.samples) > 1 && now.Sub(m.samples[1].at) >= window {
		m.samples = m.samples[1:]
	}
}

// count returns what the method has counted.
func (m *method) count() *counts {
	c := new(counts)
	for i := range m.codes {
		c.codes[i] = m.codes[i].Load()
	}
	for i := range m.durations {
		c.durations[i] = m.durations[i].Load()
	}
	return c
}

// recent is what a method counted in the last minute, and since the process started.
type recent struct {
	counts                     // of the last minute
	period   time.Duration     // the length of that minute, which is shorter at first
	total    [codeCount]uint64 // since the process started
	rejected map[string]uint64 // by step, since the process started
}

// recent returns the figures of now. The page has sampled since a time.
func (m *method) recent(now, since time.Time) recent {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, base := m.count(), sample{now.Add(-min(window, now.Sub(since))), new(counts)}
	for _, s := range m.samples { // without an old one, nothing was called before the window
		if now.Sub(s.at) >= window {
			base = s
		}
	}
	r := recent{counts: *c, period: now.Sub(base.at), total: c.codes, rejected: maps.Clone(m.rejected)}
	for i := range r.codes {
		r.codes[i] -= base.codes[i]
	}
	for i := range r.durations {
		r.durations[i] -= base.durations[i]
	}
	return r
}

// sum adds up numbers.
func sum(numbers []uint64) (total uint64) {
	for _, n := range numbers {
		total += n
	}
	return total
}

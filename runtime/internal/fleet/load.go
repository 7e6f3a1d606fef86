package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

const (
	// Concurrent is how many calls run at a time.
	Concurrent = 50
	// Patience is the deadline of calls, unless [Load.SetDeadline] sets another: long enough that no
	// call fails because the machine is busy.
	Patience = 30 * time.Second
)

// Load makes calls all the time, [Concurrent] at a time.
type Load struct {
	cancel   context.CancelFunc
	done     sync.WaitGroup
	deadline atomic.Int64 // of calls that begin, in nanoseconds

	mu      sync.Mutex
	calls   []call // in the order of their ends
	running map[*call]bool
	heard   sync.Cond // a call has ended
}

// call is a call that has ended.
type call struct {
	start, deadline, end time.Time

	server string // of the response
	err    error
}

// Call makes calls over a connection until the test ends.
func Call(t testing.TB, conn grpc.ClientConnInterface, table *runtime.Service[echotest.Service]) *Load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{cancel: cancel, running: make(map[*call]bool)}
	l.heard.L = &l.mu
	l.SetDeadline(Patience)
	stub := echotest.Client{Rows: echotest.RowsOf(table, conn)}
	for range Concurrent {
		l.done.Go(func() {
			for ctx.Err() == nil {
				l.one(stub)
			}
		})
	}
	t.Cleanup(l.Stop)
	return l
}

// SetDeadline sets the deadline of the calls that begin from now on.
func (l *Load) SetDeadline(deadline time.Duration) { l.deadline.Store(int64(deadline)) }

// Stop ends the load after the calls that are running.
func (l *Load) Stop() {
	l.cancel()
	l.done.Wait()
}

func (l *Load) one(stub echotest.Client) {
	c := l.begin()
	ctx, cancel := context.WithDeadline(context.Background(), c.deadline)
	defer cancel()
	response, err := stub.One(ctx, echotest.TenBytes)
	l.end(c, response.GetValue(), err)
	if err != nil {
		time.Sleep(time.Millisecond) // a client that fails at once leaves the servers some time
	}
}

func (l *Load) begin() *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	c := &call{start: now, deadline: now.Add(time.Duration(l.deadline.Load()))}
	l.running[c] = true
	return c
}

func (l *Load) end(c *call, server string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.end, c.server, c.err = time.Now(), server, err
	delete(l.running, c)
	l.calls = append(l.calls, *c)
	l.heard.Broadcast()
}

// Report is what happened to the calls of a period.
type Report struct {
	Calls   int
	Failed  map[codes.Code]int
	Errors  []string // the different ones, up to five
	Servers map[string]int
	// First is when the first response of a server came, after the start of the period.
	First map[string]time.Duration
	// LastFailure is when the last call failed, after the start of the period.
	LastFailure time.Duration
	// Late is how long after its deadline a call returned, at most.
	Late time.Duration
}

// Failures returns how many calls failed.
func (r Report) Failures() (n int) {
	for _, count := range r.Failed {
		n += count
	}
	return n
}

func (r Report) String() string {
	return fmt.Sprintf("%d calls, failed %v until %v, by server %v, first responses %v, errors %q",
		r.Calls, r.Failed, r.LastFailure.Round(time.Millisecond), r.Servers, r.First, r.Errors)
}

// During reports on the calls that end while do runs, and those that were running when it returned.
func (l *Load) During(do func()) Report {
	start := time.Now()
	do()
	end := time.Now()
	l.until(func() bool {
		for c := range l.running {
			if c.start.Before(end) {
				return false
			}
		}
		return true
	}, time.Minute)
	l.mu.Lock()
	defer l.mu.Unlock()
	return report(l.calls, start, end)
}

// Settle waits for the end of the calls that are running. When connections have ended, the client
// knows it then, as calls have failed. Until it knows, further calls begin, which fail a little
// later.
func (l *Load) Settle() { l.During(func() {}) }

// Answers waits until a server has responded, at most for a time.
func (l *Load) Answers(name string, most time.Duration) bool {
	l.mu.Lock()
	from := len(l.calls)
	l.mu.Unlock()
	return l.until(func() bool {
		later := l.calls[from:]
		from = len(l.calls)
		return slices.ContainsFunc(later, func(c call) bool { return c.server == name })
	}, most)
}

// until waits for a condition of the calls, at most for a time.
func (l *Load) until(condition func() bool, most time.Duration) bool {
	deadline := time.Now().Add(most)
	wake := time.AfterFunc(most, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.heard.Broadcast()
	})
	defer wake.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !condition() {
		if !time.Now().Before(deadline) {
			return false
		}
		l.heard.Wait()
	}
	return true
}

func report(calls []call, start, end time.Time) Report {
	r := Report{Failed: map[codes.Code]int{}, Servers: map[string]int{}, First: map[string]time.Duration{}}
	for _, c := range calls {
		if c.end.Before(start) || c.start.After(end) {
			continue
		}
		r.Calls++
		r.Late = max(r.Late, c.end.Sub(c.deadline))
		if c.err == nil {
			r.Servers[c.server]++
			if _, ok := r.First[c.server]; !ok {
				r.First[c.server] = c.end.Sub(start)
			}
			continue
		}
		r.Failed[status.Code(c.err)]++
		r.LastFailure = max(r.LastFailure, c.end.Sub(start))
		if text := strings.TrimSpace(c.err.Error()); len(r.Errors) < 5 && !slices.Contains(r.Errors, text) {
			r.Errors = append(r.Errors, text)
		}
	}
	return r
}

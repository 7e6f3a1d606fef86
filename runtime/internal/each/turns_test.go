package each_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/each"
)

// TestTurnsExclude has goroutines take turns, some of which send nothing. The race detector checks
// that a turn happens after the one before it.
func TestTurnsExclude(t *testing.T) {
	const senders, messages = 16, 500
	var turns each.Turns
	var all sync.WaitGroup
	count, running := 0, 0
	for i := range senders {
		all.Go(func() {
			for n := range messages {
				turns.Take()
				if running++; running != 1 {
					t.Error("two goroutines have the turn")
				}
				if got := turns.Sent(); got != int64(count) {
					t.Errorf("%d messages were sent, want %d", got, count)
				}
				if got := turns.Sending(); got != int64(count)+1 {
					t.Errorf("message %d is being sent, want %d", got, count+1)
				}
				sent := (i+n)%2 == 0
				if sent {
					count++
				}
				if n%7 == 0 {
					runtime.Gosched()
				}
				running--
				turns.Done(sent)
			}
		})
	}
	all.Wait()
	if got := turns.Sent(); got != int64(count) || got != senders*messages/2 || turns.Sending() != 0 {
		t.Errorf("%d messages were sent, and %d is being sent; want %d and 0", got, turns.Sending(), count)
	}
}

// TestTurnsAreFair has a goroutine take turns without a pause. Another one still gets its turn.
func TestTurnsAreFair(t *testing.T) {
	var turns each.Turns
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				turns.Take()
				runtime.Gosched()
				turns.Done(true)
			}
		}
	}()
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for range 100 {
				turns.Take()
				turns.Done(false)
			}
		})
	}
	got := make(chan struct{})
	go func() { others.Wait(); close(got) }()
	select {
	case <-got:
	case <-time.After(time.Minute):
		t.Error("goroutines wait for ever")
	}
	close(stop)
	<-stopped
}

// TestWaitingShowsNoOtherMessage waits for a turn while another goroutine has it, as when a client
// does not read: the message that is being sent stays the same.
func TestWaitingShowsNoOtherMessage(t *testing.T) {
	var turns each.Turns
	turns.Count()
	turns.Take()
	waiting, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		close(waiting)
		turns.Take()
		turns.Done(true)
	}()
	<-waiting
	for range 1000 {
		if got := turns.Sending(); got != 2 || turns.Sent() != 1 {
			t.Fatalf("message %d is being sent, want 2", got)
		}
		runtime.Gosched()
	}
	turns.Done(true)
	<-done
	if got := turns.Sent(); got != 3 || turns.Sending() != 0 {
		t.Errorf("%d messages were sent, want 3", got)
	}
}

// TestRangeInTurnCounts ranges over a stream whose third message cannot be sent, and over one whose
// message panics.
func TestRangeInTurnCounts(t *testing.T) {
	var turns each.Turns
	seq := func(yield func(int, error) bool) {
		_ = yield(1, nil) && yield(2, nil) && yield(3, nil)
		if turns.Sending() != 0 {
			t.Error("a message is being sent, outside the body")
		}
	}
	_ = each.RangeInTurn(&turns, seq, nil, func(v int, _ error) bool {
		if got := turns.Sending(); got != int64(v) {
			t.Errorf("message %d is being sent, want %d", got, v)
		}
		return v < 3
	})
	func() {
		defer func() { _ = recover() }()
		_ = each.RangeInTurn(&turns, seq, nil, func(int, error) bool { panic("body") })
		t.Error("the panic of the body is lost")
	}()
	if got := turns.Sent(); got != 2 || turns.Sending() != 0 {
		t.Errorf("%d messages were sent, want 2", got)
	}
}

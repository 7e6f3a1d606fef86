package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

// soak returns how long the load test runs: SOAK=1m is its long form.
func soak(t *testing.T) time.Duration {
	text := os.Getenv("SOAK")
	if text == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("SOAK: %v", err)
	}
	return d
}

const (
	subscribers = 1000
	kinds       = 4 // of events; a subscriber of one kind gets every fourth
)

// busy is a log that grows until its last event is appended.
type busy struct {
	*eventlog.Log[event]
	last     atomic.Int64 // 0 until it is known
	received atomic.Int64 // how far all subscribers are, added up
}

// grow appends events for a time, in bursts, but not far ahead of the average subscriber: a slow
// machine sends fewer.
func (b *busy) grow(t *testing.T, d time.Duration) {
	id := int64(0)
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if id-b.received.Load()/subscribers > 50 {
			continue
		}
		for range kinds * (1 + rand.IntN(2)) {
			id++
			if _, err := b.Append(t.Context(), &event{Id: id, Type: fmt.Sprint(id % kinds)}); err != nil {
				t.Error(err)
				return
			}
		}
	}
	// A last event of each kind, so that every subscriber notices the end.
	for range kinds {
		id++
		_, _ = b.Append(t.Context(), &event{Id: id, Type: fmt.Sprint(id % kinds)})
	}
	b.last.Store(id)
}

// subscriber reads the log over many connections that it ends in all ways.
type subscriber struct {
	svc      eventService
	log      *busy
	random   *rand.Rand
	req      *request
	step     int64 // between the numbers of its events
	next     int64
	position string
}

// run reads until the last event.
func (s *subscriber) run(ctx context.Context) error {
	for s.log.last.Load() == 0 || s.next <= s.log.last.Load() {
		if err := s.subscribe(ctx); err != nil {
			return err
		}
	}
	return nil
}

// subscribe reads some events, and checks that each is the next.
func (s *subscriber) subscribe(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	left := s.random.IntN(20)
	for e, err := range subscribe.Resume(ctx, s.svc, s.req, subscription.WithPosition(s.position),
		subscription.WithBackoff(client.Backoff{Codes: []codes.Code{codes.Internal}})) { // the filter panics
		if err != nil {
			if left < 0 { // it was canceled, or a filter panicked before
				return nil
			}
			return fmt.Errorf("before event %d: %w", s.next, err)
		}
		if e.GetId() != s.next {
			return fmt.Errorf("got event %d, want %d", e.GetId(), s.next)
		}
		s.next, s.position = s.next+s.step, e.GetNextPosition()
		s.log.received.Add(s.step)
		left--
		switch last := s.log.last.Load(); {
		case last != 0 && s.next > last:
			return nil
		case left == 0 && s.random.IntN(2) == 0:
			return nil // breaks, and reconnects
		case left <= 0:
			left = -1
			cancel()
		case s.random.IntN(20) == 0:
			time.Sleep(time.Duration(s.random.IntN(300)) * time.Millisecond) // stalls
		}
	}
	return errors.New("the subscription ended")
}

// TestSoakSubscribers holds what subscriptions promise, with a thousand subscribers that stall,
// break, cancel, reconnect, and whose filters panic: each gets each of its events once, in order,
// and nothing is left of them.
func TestSoakSubscribers(t *testing.T) {
	servicetest.NoLeaks(t)
	log := &busy{Log: eventlog.New[event](eventlog.NewMemory(), eventlog.WithTail(100, 1<<20))}
	panics := atomic.Int64{}
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
		server.Register[eventService](r, table, events(func(ctx context.Context, req *request) runtime.Stream[event] {
			return subscribe.Serve(ctx, req, log.Log, subscription.FromEarliest(), subscription.WithFilter(func(*event) bool {
				if rand.IntN(5000) == 0 {
					panics.Add(1)
					panic("of a filter")
				}
				return true
			}))
		}))
	}, quiet, server.WithMaxCalls(2*subscribers), server.WithMaxCallsPerPeer(2*subscribers),
		server.WithGRPCOptions(grpc.MaxConcurrentStreams(2*subscribers)))
	svc := clientOf(conn)
	var running sync.WaitGroup
	running.Go(func() { log.grow(t, soak(t)) })
	var events atomic.Int64
	for i := range subscribers {
		s := &subscriber{svc: svc, log: log, random: rand.New(rand.NewPCG(1, uint64(i))), step: 1, next: 1}
		if kind := int64(i % 10); kind < kinds { // the others get all events
			s.req, s.step, s.next = &request{EventTypes: []string{fmt.Sprint(kind)}}, kinds, kind
			if kind == 0 {
				s.next = kinds
			}
		}
		running.Go(func() {
			if err := s.run(t.Context()); err != nil {
				t.Errorf("subscriber %d: %v", i, err)
			}
			events.Add(s.next / s.step)
		})
	}
	running.Wait()
	t.Logf("%d subscribers got %d events of %d; %d filters panicked", subscribers, events.Load(), log.last.Load(), panics.Load())
}

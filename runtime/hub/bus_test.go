package hub_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/hub/bustest"
)

func TestMemoryBus(t *testing.T) {
	bustest.Run(t, func(*testing.T) (one, other hub.Bus) {
		bus := new(hub.MemoryBus)
		return bus, bus
	})
}

func TestMemoryBusCountsWhatItLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := new(hub.MemoryBus)
		release := make(chan struct{})
		var received, lost int
		stop, err := bus.Subscribe(t.Context(), "x", func(_ []byte, n int) {
			<-release
			received, lost = received+1, lost+n
		})
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		for range 2000 {
			if err := bus.Publish(t.Context(), "x", nil); err != nil {
				t.Fatal(err)
			}
		}
		close(release)
		synctest.Wait()
		if received+lost != 2000 || lost == 0 {
			t.Errorf("received %d and lost %d of 2000", received, lost)
		}
	})
}

func TestHubsOfReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := new(hub.MemoryBus)
		a, b := hub.New[message](hub.WithBus(bus)), hub.New[message](hub.WithBus(bus))
		ma, mb := join(t, a, "x"), join(t, b, "x")
		publish(t, a, "x", 1, 2)
		synctest.Wait()
		publish(t, b, "x", 3)
		if err := a.Publish(t.Context(), "x", numbered(4), hub.Except(ma)); err != nil {
			t.Fatal(err)
		}
		publish(t, a, "y", 5)
		synctest.Wait()
		wantWaiting(t, ma, 1, 2, 3)
		wantWaiting(t, mb, 1, 2, 3, 4)
		c := hub.New[message](hub.WithBus(bus))
		publish(t, c, "x", 6) // a hub without members publishes too
		synctest.Wait()
		wantWaiting(t, ma, 6)
		wantWaiting(t, mb, 6)
	})
}

// fakeBus is a bus that fails, and that lets tests call receive.
type fakeBus struct {
	mu        sync.Mutex
	publish   error
	subscribe error
	wait      time.Duration
	attempts  int
	rooms     map[string]func(data []byte, lost int)
}

func (b *fakeBus) Publish(context.Context, string, []byte) error {
	if b.publish == errPanic {
		panic(errPanic)
	}
	return b.publish
}

func (b *fakeBus) Subscribe(
	_ context.Context, room string, receive func([]byte, int),
) (func(), error) {
	time.Sleep(b.wait)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.attempts++; b.subscribe != nil {
		return nil, b.subscribe
	}
	if b.rooms == nil {
		b.rooms = make(map[string]func([]byte, int))
	}
	b.rooms[room] = receive
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.rooms, room)
	}, nil
}

var errPanic = errors.New("the bus panics")

var errBus = errors.New("secret address is down")

func TestABusThatFails(t *testing.T) {
	bus := &fakeBus{subscribe: errBus}
	h := hub.New[message](hub.WithBus(bus))
	_, err := h.Join(t.Context(), "x")
	wantError(t, err, codes.Unavailable, hub.ReasonBusFailed)
	if got := h.Stats(); got != (hub.Stats{}) || !errors.Is(err, errBus) {
		t.Errorf("got %+v, %v", got, err)
	}
	bus.subscribe, bus.publish = nil, errBus
	m := join(t, h, "x")
	wantError(t, h.Publish(t.Context(), "x", numbered(1)), codes.Unavailable, hub.ReasonBusFailed)
	wantWaiting(t, m, 1) // members of this replica have it
}

func TestAnArrivalThatCannotBeSentIsNone(t *testing.T) {
	h := hub.New[message](hub.WithBus(&fakeBus{publish: errBus}),
		hub.WithPresence(func(*hub.Member[message], hub.Presence) *message { return numbered(1) }))
	m, err := h.Join(t.Context(), "x")
	wantError(t, err, codes.Unavailable, hub.ReasonBusFailed)
	if got := h.Stats(); m != nil || got != (hub.Stats{}) {
		t.Errorf("got %v, %+v", m, got)
	}
}

func TestAnArrivalWhoseBusPanicsIsNone(t *testing.T) {
	h := hub.New[message](hub.WithBus(&fakeBus{publish: errPanic}),
		hub.WithPresence(func(_ *hub.Member[message], event hub.Presence) *message {
			if event == hub.Left {
				return nil
			}
			return numbered(1)
		}))
	func() {
		defer func() { _ = recover() }()
		_, _ = h.Join(t.Context(), "x")
		t.Error("no panic")
	}()
	if got := h.Stats(); got != (hub.Stats{}) {
		t.Errorf("got %+v", got)
	}
}

// TestAKeyThatPanicsOnAnotherReplica loses the message there, and nothing else.
func TestAKeyThatPanicsOnAnotherReplica(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	synctest.Test(t, func(t *testing.T) {
		bus := new(hub.MemoryBus)
		a := hub.New[message](hub.WithBus(bus))
		b := hub.New[message](hub.WithBus(bus), hub.WithConflate(func(m *message) int32 {
			if m.GetCount() == 1 {
				panic("boom")
			}
			return m.GetCount()
		}))
		m := join(t, b, "x")
		publish(t, a, "x", 1, 2)
		synctest.Wait()
		wantWaiting(t, m, 2)
		if m.Lost() != 1 {
			t.Errorf("lost %d", m.Lost())
		}
	})
}

// TestRoomsAreSubscribedWhileTheyHaveMembers checks that there is one subscription per room,
// however many join.
func TestRoomsAreSubscribedWhileTheyHaveMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &fakeBus{wait: time.Second}
		h := hub.New[message](hub.WithBus(bus))
		var members []*hub.Member[message]
		var mu sync.Mutex
		for range 10 {
			go func() {
				m, err := h.Join(t.Context(), "x")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				members = append(members, m)
			}()
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if bus.attempts != 1 || len(members) != 10 || len(bus.rooms) != 1 {
			t.Errorf("%d attempts, %d members, %d subscriptions", bus.attempts, len(members), len(bus.rooms))
		}
		for _, m := range members {
			m.Leave(t.Context())
		}
		if len(bus.rooms) != 0 {
			t.Error("a room without members is subscribed")
		}
	})
}

// TestMembersTryAFailedSubscriptionAgain checks that the failure of one that joins does not fail
// those that wait for it.
func TestMembersTryAFailedSubscriptionAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &fakeBus{wait: time.Second, subscribe: errBus}
		h := hub.New[message](hub.WithBus(bus))
		failed := 0
		for range 3 {
			go func() {
				if _, err := h.Join(t.Context(), "x"); err != nil {
					failed++
				}
			}()
			synctest.Wait()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := h.Join(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(1500 * time.Millisecond)
		bus.mu.Lock()
		bus.subscribe = nil
		bus.mu.Unlock()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if failed != 1 || len(h.Members("x")) != 2 {
			t.Errorf("%d failed, %d members", failed, len(h.Members("x")))
		}
	})
}

// TestLossesOfTheBusAreMarked has a bus that loses messages, and one that delivers garbage.
func TestLossesOfTheBusAreMarked(t *testing.T) {
	bus := new(fakeBus)
	h := hub.New[message](hub.WithBus(bus), hub.WithGap(gap))
	m := join(t, h, "x")
	publish(t, h, "x", 1)
	bus.rooms["x"](nil, 3)
	publish(t, h, "x", 2)
	for _, garbage := range []string{
		"", "garbage", string(make([]byte, 20)), "\x010123456789abcdef\xff",
	} {
		bus.rooms["x"]([]byte(garbage), 0)
	}
	publish(t, h, "x", 3)
	wantWaiting(t, m, 1, -3, 2, -4, 3)
	done := make(chan []int32)
	go func() { // a loss alone wakes a member that waits
		var got []int32
		for msg := range m.Messages(t.Context()) {
			got = append(got, msg.GetCount())
			break
		}
		done <- got
	}()
	time.Sleep(10 * time.Millisecond)
	bus.rooms["x"](nil, 5)
	if got := <-done; !slices.Equal(got, []int32{-5}) {
		t.Errorf("got %v", got)
	}
}

// Package bustest has the tests that every implementation of [hub.Bus] must pass.
package bustest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/hub"
)

// Patience is how long the tests wait for a message.
const Patience = time.Minute

// Run tests a bus. newBuses returns an empty bus, or a connection to one that rooms of other tests
// do not disturb; each subtest opens its own. A second result of newBuses is another connection to
// the same bus, as another replica has it; it may be the same value.
func Run(t *testing.T, newBuses func(t *testing.T) (one, other hub.Bus)) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, hub.Bus, hub.Bus)
	}{
		{"EverySubscriptionReceives", everySubscriptionReceives},
		{"MessagesKeepTheOrderOfTheirPublisher", keepsOrder},
		{"RoomsAreSeparate", roomsAreSeparate},
		{"NothingArrivesAfterStop", nothingAfterStop},
		{"DataIsCopied", dataIsCopied},
		{"ReceiveIsCalledForOneMessageAtATime", oneAtATime},
		{"ReceiveMayPublishAndStop", receiveMayPublishAndStop},
		{"ASlowSubscriptionDelaysNobody", slowSubscription},
		{"RoomsWithoutSubscriptions", nobodyListens},
		{"AnEndedContext", endedContext},
		{"ManyRoomsComeAndGo", manyRooms},
		{"TheLargestMessageAndALargerOne", largest},
	} {
		t.Run(test.name, func(t *testing.T) {
			one, other := newBuses(t)
			test.run(t, one, other)
		})
	}
}

// inbox is what a subscription has received.
type inbox chan string

func subscribe(t *testing.T, bus hub.Bus, room string) inbox {
	t.Helper()
	in := make(inbox, 10_000)
	stop, err := bus.Subscribe(t.Context(), room, func(data []byte, lost int) {
		if lost > 0 {
			in <- fmt.Sprintf("lost %d", lost)
		}
		if data != nil {
			in <- string(data)
		}
	})
	if err != nil {
		t.Fatal("Subscribe:", err)
	}
	t.Cleanup(stop)
	return in
}

func publish(t *testing.T, bus hub.Bus, room, data string) {
	t.Helper()
	if err := bus.Publish(t.Context(), room, []byte(data)); err != nil {
		t.Fatal("Publish:", err)
	}
}

func (in inbox) want(t *testing.T, wants ...string) {
	t.Helper()
	for _, want := range wants {
		select {
		case got := <-in:
			if got != want {
				t.Fatalf("received %q, want %q", got, want)
			}
		case <-time.After(Patience):
			t.Fatalf("%q did not arrive within %v", want, Patience)
		}
	}
}

func (in inbox) wantNothingMore(t *testing.T) {
	t.Helper()
	select {
	case got := <-in:
		t.Fatalf("received %q, want nothing", got)
	default:
	}
}

func everySubscriptionReceives(t *testing.T, one, other hub.Bus) {
	boxes := []inbox{subscribe(t, one, "r"), subscribe(t, one, "r"), subscribe(t, other, "r")}
	publish(t, one, "r", "a")
	for _, in := range boxes {
		in.want(t, "a")
	}
	publish(t, other, "r", "b")
	publish(t, other, "r", "end")
	for _, in := range boxes {
		in.want(t, "b", "end") // and no second "a": at most once
	}
}

func keepsOrder(t *testing.T, one, other hub.Bus) {
	const publishers, messages = 4, 100
	in := subscribe(t, other, "r")
	var done sync.WaitGroup
	for p := range publishers {
		done.Go(func() {
			for i := range messages {
				data := binary.BigEndian.AppendUint32([]byte{byte(p)}, uint32(i))
				if err := one.Publish(t.Context(), "r", data); err != nil {
					t.Error("Publish:", err)
				}
				time.Sleep(100 * time.Microsecond) // a bus may lose messages that are too many at once
			}
		})
	}
	done.Wait()
	next := make(map[byte]uint32)
	for range publishers * messages {
		select {
		case data := <-in:
			if len(data) != 5 {
				t.Fatalf("received %q, want what was published", data)
			}
			if got := binary.BigEndian.Uint32([]byte(data[1:])); got != next[data[0]] {
				t.Fatalf("publisher %d: received %d, want %d", data[0], got, next[data[0]])
			}
			next[data[0]]++
		case <-time.After(Patience):
			t.Fatalf("messages are missing; received %v", next)
		}
	}
}

func roomsAreSeparate(t *testing.T, one, other hub.Bus) {
	rooms := []string{"a", "A", "a.b", "a*", "*", ">", "a b", "a/b", "ä", "a\n", "a\x00"}
	boxes := make([]inbox, len(rooms))
	for i, room := range rooms {
		boxes[i] = subscribe(t, other, room)
	}
	for _, room := range rooms {
		publish(t, one, room, "for "+room)
	}
	for i, room := range rooms {
		boxes[i].want(t, "for "+room)
	}
	for i := range rooms {
		boxes[i].wantNothingMore(t)
	}
}

func nothingAfterStop(t *testing.T, one, other hub.Bus) {
	stays := subscribe(t, other, "r")
	in := make(inbox, 100)
	stop, err := other.Subscribe(t.Context(), "r", func(data []byte, _ int) { in <- string(data) })
	if err != nil {
		t.Fatal("Subscribe:", err)
	}
	publish(t, one, "r", "a")
	in.want(t, "a")
	stop()
	stop()
	publish(t, one, "r", "b")
	stays.want(t, "a", "b")
	publish(t, one, "r", "c")
	stays.want(t, "c")
	in.wantNothingMore(t)
	again := subscribe(t, other, "r")
	publish(t, one, "r", "d")
	again.want(t, "d")
}

func dataIsCopied(t *testing.T, one, other hub.Bus) {
	in := subscribe(t, other, "r")
	data := []byte("before")
	if err := one.Publish(t.Context(), "r", data); err != nil {
		t.Fatal("Publish:", err)
	}
	copy(data, "after!")
	in.want(t, "before")
	publish(t, one, "r", "")
	publish(t, one, "r", string(make([]byte, 100_000)))
	publish(t, one, "r", "end")
	in.want(t, "", string(make([]byte, 100_000)), "end")
}

func oneAtATime(t *testing.T, one, other hub.Bus) {
	var mu sync.Mutex
	done := make(chan struct{}, 100)
	stop, err := other.Subscribe(t.Context(), "r", func([]byte, int) {
		if !mu.TryLock() {
			t.Error("receive was called while it ran")
			return
		}
		time.Sleep(time.Millisecond)
		mu.Unlock()
		done <- struct{}{}
	})
	if err != nil {
		t.Fatal("Subscribe:", err)
	}
	defer stop()
	for range 10 {
		publish(t, one, "r", "x")
	}
	for range 10 {
		select {
		case <-done:
		case <-time.After(Patience):
			t.Fatal("messages are missing")
		}
	}
}

func receiveMayPublishAndStop(t *testing.T, one, other hub.Bus) {
	in := subscribe(t, one, "replies")
	var stop func()
	ready := make(chan struct{})
	stop, err := other.Subscribe(t.Context(), "r", func(data []byte, _ int) {
		<-ready
		if err := other.Publish(context.Background(), "replies", data); err != nil {
			t.Error("Publish:", err)
		}
		stop()
	})
	if err != nil {
		t.Fatal("Subscribe:", err)
	}
	close(ready)
	publish(t, one, "r", "a")
	in.want(t, "a")
}

func slowSubscription(t *testing.T, one, other hub.Bus) {
	release := make(chan struct{})
	defer close(release)
	stop, err := other.Subscribe(t.Context(), "r", func([]byte, int) { <-release })
	if err != nil {
		t.Fatal("Subscribe:", err)
	}
	defer stop()
	in := subscribe(t, other, "r")
	for i := range 20 {
		publish(t, one, "r", fmt.Sprint(i))
		in.want(t, fmt.Sprint(i))
	}
}

func nobodyListens(t *testing.T, one, other hub.Bus) {
	publish(t, one, "nobody", "lost")
	after := subscribe(t, other, "after")
	publish(t, one, "after", "x")
	after.want(t, "x") // the first message is no longer under way
	in := subscribe(t, other, "nobody")
	publish(t, one, "nobody", "a")
	in.want(t, "a") // not what was published before
}

func endedContext(t *testing.T, one, _ hub.Bus) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if stop, err := one.Subscribe(ctx, "r", func([]byte, int) {}); err == nil {
		stop()
		t.Error("Subscribe works with a context that has ended")
	}
	ctx, cancel = context.WithCancel(t.Context())
	in := make(inbox, 1)
	stop, err := one.Subscribe(ctx, "r", func(data []byte, _ int) { in <- string(data) })
	if err != nil {
		t.Fatal("Subscribe:", err)
	}
	defer stop()
	cancel() // bounds Subscribe only
	publish(t, one, "r", "a")
	in.want(t, "a")
}

// manyRooms checks that subscriptions of other rooms, and their ends, do not concern a room.
func manyRooms(t *testing.T, one, other hub.Bus) {
	in := subscribe(t, other, "r")
	for i := range 50 {
		room := fmt.Sprint("r", i)
		its := subscribe(t, other, room)
		stop, err := one.Subscribe(t.Context(), room, func([]byte, int) {})
		if err != nil {
			t.Fatal("Subscribe:", err)
		}
		stop()
		publish(t, one, room, "x")
		its.want(t, "x")
		publish(t, one, "r", room)
		in.want(t, room)
	}
}

// largest tests a [hub.LimitedBus].
func largest(t *testing.T, one, other hub.Bus) {
	limited, ok := one.(hub.LimitedBus)
	if !ok || limited.MaxBytes() == 0 {
		t.Skip("the bus has no limit")
	}
	in := subscribe(t, other, "r")
	data := make([]byte, limited.MaxBytes()+1)
	if err := one.Publish(t.Context(), "r", data); !errors.Is(err, hub.ErrTooLarge) {
		t.Fatalf("Publish of %d bytes, one more than the limit, returned %v", len(data), err)
	}
	publish(t, one, "r", string(data[1:]))
	publish(t, one, "r", "end")
	in.want(t, string(data[1:]), "end")
}

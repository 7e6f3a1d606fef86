package hub_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/hub"
)

// gap marks a loss of n messages with the number -n.
func gap(n int) *message { return numbered(int32(-n)) }

func TestSlowMembersAreDisconnected(t *testing.T) {
	h := hub.New[message]()
	slow, fast := join(t, h, "x", hub.WithQueue(2)), join(t, h, "x")
	publish(t, h, "x", 1, 2, 3)
	_, err := waiting(slow)
	wantError(t, err, codes.ResourceExhausted, hub.ReasonSlowConsumer)
	wantWaiting(t, fast, 1, 2, 3)
	if got := h.Members("x"); len(got) != 1 || got[0] != fast {
		t.Errorf("got %v", got)
	}
	if got := h.Stats(); got.Bytes != 0 || got.Members != 1 {
		t.Errorf("got %+v", got)
	}
	slow.Leave(t.Context())
}

func TestSlowMembersLose(t *testing.T) {
	for _, test := range []struct {
		slow  hub.Slow
		first []int32
	}{
		{hub.DropOldest, []int32{-3, 4, 5}},
		{hub.DropNewest, []int32{1, 2, -3}},
	} {
		h := hub.New[message](hub.WithGap(gap), hub.WithSlow(test.slow), hub.WithQueue(2))
		m := join(t, h, "x")
		publish(t, h, "x", 1, 2, 3, 4, 5)
		var got []int32
		for msg, err := range m.Messages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, msg.GetCount()); len(got) == 3 {
				break
			}
		}
		if !slices.Equal(got, test.first) || m.Lost() != 3 {
			t.Errorf("policy %d: received %v and lost %d, want %v", test.slow, got, m.Lost(), test.first)
		}
		publish(t, h, "x", 6)
		wantWaiting(t, m, 6)
	}
}

// TestGapsStandWhereMessagesAreMissing drops the newest messages, reads, and continues.
func TestGapsStandWhereMessagesAreMissing(t *testing.T) {
	h := hub.New[message](hub.WithGap(gap), hub.WithSlow(hub.DropNewest), hub.WithQueue(3))
	m := join(t, h, "x")
	publish(t, h, "x", 1, 2, 3, 4)
	for range m.Messages(t.Context()) {
		break // reads 1
	}
	publish(t, h, "x", 5)
	wantWaiting(t, m, 2, 3, -1, 5)
}

func TestLossesWithoutMarkAreCounted(t *testing.T) {
	h := hub.New[message](hub.WithSlow(hub.DropOldest), hub.WithQueue(1))
	m := join(t, h, "x")
	publish(t, h, "x", 1, 2, 3)
	wantWaiting(t, m, 3)
	if m.Lost() != 2 {
		t.Errorf("lost %d", m.Lost())
	}
}

func TestConflation(t *testing.T) {
	h := hub.New[message](hub.WithConflate((*message).GetText), hub.WithQueue(2))
	m := join(t, h, "game")
	state := func(key string, n int32) {
		t.Helper()
		if err := h.Publish(t.Context(), "game", &message{Text: key, Count: n}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range int32(100) {
		state("ann", i)
		state("bob", i+1000)
	}
	if n, _ := m.Queued(); n != 2 || m.Conflated() != 198 || m.Lost() != 0 {
		t.Errorf("%d wait, %d conflated, %d lost", n, m.Conflated(), m.Lost())
	}
	wantWaiting(t, m, 99, 1099)
	state("ann", 1)
	state("bob", 2)
	state("eve", 3) // no room for a third key
	_, err := waiting(m)
	wantError(t, err, codes.ResourceExhausted, hub.ReasonSlowConsumer)
	if got := h.Stats(); got.Bytes != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestAConflatedMessageMustFit checks that replacing is no way around the limit of bytes.
func TestAConflatedMessageMustFit(t *testing.T) {
	h := hub.New[message](hub.WithConflate((*message).GetText),
		hub.WithQueueBytes(100), hub.WithSlow(hub.DropNewest))
	m := join(t, h, "game")
	for _, msg := range []*message{
		{Text: "a", Count: 1}, {Text: "b", Count: 2}, {Text: "b", Count: 3, Payload: make([]byte, 200)},
	} {
		if err := h.Publish(t.Context(), "game", msg); err != nil {
			t.Fatal(err)
		}
	}
	wantWaiting(t, m, 1, 2)
}

// TestKeysThatEqualNoKey has NaN, which a map would keep forever.
func TestKeysThatEqualNoKey(t *testing.T) {
	h := hub.New[message](hub.WithConflate(func(m *message) float64 { return math.NaN() }))
	m := join(t, h, "x")
	publish(t, h, "x", 1, 2)
	if n := hub.KeysForTest(m); n != 0 {
		t.Errorf("%d keys", n)
	}
	wantWaiting(t, m, 1, 2)
}

func TestKeysThatCannotBeCompared(t *testing.T) {
	h := hub.New[message](hub.WithConflate(func(m *message) any { return []int{1} }))
	join(t, h, "x")
	func() {
		defer func() { _ = recover() }()
		_ = h.Publish(t.Context(), "x", numbered(1))
		t.Error("no panic")
	}()
	if len(h.Members("x")) != 1 { // the room is not locked
		t.Error("the member is gone")
	}
}

func TestQueuesAreBoundedInBytes(t *testing.T) {
	h := hub.New[message](hub.WithQueueBytes(100), hub.WithSlow(hub.DropNewest))
	m := join(t, h, "x")
	big := &message{Count: 1, Payload: make([]byte, 1000)}
	if err := h.Publish(t.Context(), "x", big); err != nil { // waits alone
		t.Fatal(err)
	}
	publish(t, h, "x", 2)
	wantWaiting(t, m, 1)
	publish(t, h, "x", 3)
	if err := h.Publish(t.Context(), "x", big); err != nil {
		t.Fatal(err)
	}
	wantWaiting(t, m, 3)
	if m.Lost() != 2 {
		t.Errorf("lost %d", m.Lost())
	}
}

// TestAHubIsBoundedInBytes checks that members that do not receive make room, and others lose
// nothing.
func TestAHubIsBoundedInBytes(t *testing.T) {
	const limit = 10_000
	h := hub.New[message](hub.WithMaxBytes(limit))
	var stalled []*hub.Member[message]
	for range 10 {
		stalled = append(stalled, join(t, h, "x"))
	}
	reader := join(t, h, "y")
	for i := range int32(50) {
		for _, room := range []string{"x", "y"} {
			msg := &message{Count: i, Payload: make([]byte, 990)}
			if err := h.Publish(t.Context(), room, msg); err != nil {
				t.Fatal(err)
			}
		}
		wantWaiting(t, reader, i)
		if got := h.Stats().Bytes; got > limit+2000 {
			t.Fatalf("the queues have %d bytes", got)
		}
	}
	for _, m := range stalled {
		_, err := waiting(m)
		wantError(t, err, codes.ResourceExhausted, hub.ReasonSlowConsumer)
	}
	if got := h.Stats().Bytes; got != 0 {
		t.Errorf("the queues have %d bytes in the end", got)
	}
}

func TestBlockWaitsForTheMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New[message]()
		m := join(t, h, "x", hub.WithQueue(1), hub.WithBlock(3*time.Second))
		other := join(t, h, "x")
		publish(t, h, "x", 1)
		time.AfterFunc(2*time.Second, func() { wantWaiting(t, m, 1) })
		start := time.Now()
		publish(t, h, "x", 2)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("Publish took %v", took)
		}
		wantWaiting(t, m, 2)
		wantWaiting(t, other, 1, 2)
	})
}

func TestBlockEndsWithItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New[message]()
		slow := []*hub.Member[message]{
			join(t, h, "x", hub.WithQueue(1), hub.WithBlock(3*time.Second)),
			join(t, h, "x", hub.WithQueue(1), hub.WithBlock(3*time.Second)),
		}
		other := join(t, h, "x")
		publish(t, h, "x", 1)
		start := time.Now()
		publish(t, h, "x", 2)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("Publish took %v for two slow members", took)
		}
		for _, m := range slow {
			_, err := waiting(m)
			wantError(t, err, codes.ResourceExhausted, hub.ReasonSlowConsumer)
		}
		wantWaiting(t, other, 1, 2)
		if got := h.Stats(); got.Bytes != 0 || got.Members != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

// TestBlockEndsWithTheContextOfThePublisher checks that the member then knows of its loss.
func TestBlockEndsWithTheContextOfThePublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New[message](hub.WithGap(gap))
		m := join(t, h, "x", hub.WithQueue(1), hub.WithBlock(time.Hour))
		other := join(t, h, "x")
		publish(t, h, "x", 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Publish(ctx, "x", numbered(2)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		wantWaiting(t, other, 1, 2)
		for msg, err := range m.Messages(t.Context()) {
			if err != nil || msg.GetCount() == -1 {
				break
			}
		}
		if m.Lost() != 1 {
			t.Errorf("lost %d", m.Lost())
		}
	})
}

// TestNothingOvertakesAMessageThatWaits holds the order of a room while one member blocks, and
// that others come and go.
func TestNothingOvertakesAMessageThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New[message]()
		m := join(t, h, "x", hub.WithQueue(1), hub.WithBlock(time.Hour))
		leaver, other := join(t, h, "x"), join(t, h, "x")
		publish(t, h, "x", 1)
		go h.Publish(t.Context(), "x", numbered(2))
		synctest.Wait()
		go h.Publish(t.Context(), "x", numbered(3))
		synctest.Wait()
		leaver.Leave(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Publish(ctx, "x", numbered(4)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		wantWaiting(t, other, 1, 2)
		for _, n := range []int32{1, 2, 3} {
			for msg, err := range m.Messages(t.Context()) {
				if err != nil || msg.GetCount() != n {
					t.Errorf("received %v, %v, want %d", msg, err, n)
				}
				break // The next may come while this one is taken: its publisher waited for the place.
			}
			synctest.Wait()
		}
		wantWaiting(t, other, 3)
	})
}

// TestALeavingMemberFreesItsPublisher checks that a publisher does not wait for one that leaves.
func TestALeavingMemberFreesItsPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New[message]()
		m := join(t, h, "x", hub.WithQueue(1), hub.WithBlock(time.Hour))
		publish(t, h, "x", 1)
		time.AfterFunc(time.Second, func() { m.Leave(t.Context()) })
		start := time.Now()
		publish(t, h, "x", 2)
		if took := time.Since(start); took != time.Second {
			t.Errorf("Publish took %v", took)
		}
		if got := h.Stats(); got != (hub.Stats{}) {
			t.Errorf("got %+v", got)
		}
	})
}

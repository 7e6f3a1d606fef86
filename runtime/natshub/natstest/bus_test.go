package natstest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/hub/bustest"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/natshub"
	"github.com/grpcservice/grpcservice/runtime/natshub/natstest"
)

// patience is how long tests wait for anything.
const patience = time.Minute

func TestBus(t *testing.T) {
	server := natstest.Start(t)
	n := 0
	bustest.Run(t, func(t *testing.T) (one, other hub.Bus) {
		n++
		prefix := natshub.WithRoomPrefix(fmt.Sprintf("test%d.rooms", n))
		return natshub.NewBus(server.Connect(t), prefix), natshub.NewBus(server.Connect(t), prefix)
	})
}

func TestPrefixesAreSeparate(t *testing.T) {
	server := natstest.Start(t)
	nc := server.Connect(t)
	one := natshub.NewBus(nc, natshub.WithRoomPrefix("a"))
	other := natshub.NewBus(nc, natshub.WithRoomPrefix("a.b"))
	in := listen(t, one, "r")
	if err := other.Publish(t.Context(), "r", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := one.Publish(t.Context(), "r", []byte("y")); err != nil {
		t.Fatal(err)
	}
	if got := in.next(t); got.data != "y" {
		t.Fatalf("received %q", got.data)
	}
}

// inbox is what a subscription of a bus receives.
type inbox chan received

type received struct {
	data string
	lost int
}

func listen(t *testing.T, bus hub.Bus, room string) inbox {
	t.Helper()
	in := make(inbox, 100_000)
	stop, err := bus.Subscribe(t.Context(), room, func(data []byte, lost int) {
		in <- received{string(data), lost}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return in
}

func (in inbox) next(t *testing.T) received {
	t.Helper()
	select {
	case got := <-in:
		return got
	case <-time.After(patience):
		t.Fatal("no message arrives")
		return received{}
	}
}

func TestASlowRoomKnowsWhatItHasLost(t *testing.T) {
	server := natstest.Start(t)
	publisher := natshub.NewBus(server.Connect(t))
	quiet := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})
	bus := natshub.NewBus(server.Connect(t, quiet), natshub.WithPending(10, 1<<20))
	var mu sync.Mutex
	mu.Lock()
	in := make(inbox, 1000)
	stop, err := bus.Subscribe(t.Context(), "slow", func(data []byte, lost int) {
		mu.Lock()
		defer mu.Unlock()
		in <- received{string(data), lost}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	other := listen(t, bus, "other")
	send := func(room, data string) {
		if err := publisher.Publish(t.Context(), room, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	for range 200 {
		send("slow", "x")
	}
	send("other", "after all")
	if got := other.next(t); got.data != "after all" || got.lost != 0 {
		t.Fatalf("the other room received %+v", got)
	}
	mu.Unlock()
	known := 0
	for {
		send("slow", "end")
		got := in.next(t)
		known += 1 + got.lost
		if got.data == "end" {
			break
		}
	}
	if known < 201 {
		t.Fatalf("%d messages are received or known to be lost, want at least 201", known)
	}
}

// TestAnOutageOfTheServer checks that messages wait in the buffer of the connection, and that
// what does not fit is counted at both ends.
func TestAnOutageOfTheServer(t *testing.T) {
	server := natstest.Start(t)
	publisher := natshub.NewBus(server.Connect(t, nats.ReconnectBufSize(4096)))
	in := listen(t, natshub.NewBus(server.Connect(t)), "r")
	send := func() {
		if err := publisher.Publish(t.Context(), "r", make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	send()
	if got := in.next(t); got.lost != 0 {
		t.Fatalf("received %+v", got)
	}
	server.Stop()
	sent := 1
	for ; dropped(publisher) < 10; sent++ {
		send()
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	known, before := 1, dropped(publisher)
	for deadline := time.Now().Add(patience); known < sent; {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d messages are received or known to be lost", known, sent)
		}
		send()
		sent++
		select {
		case got := <-in:
			known += 1 + got.lost
			if got.lost >= before {
				return
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("%d messages were dropped, and the receiver does not know", before)
}

func dropped(bus *natshub.Bus) (n int) {
	bus.Collect(func(_ *metric.Desc, value float64, _ ...string) { n = int(value) })
	return n
}

func TestConnectionsThatAreNoUse(t *testing.T) {
	server := natstest.Start(t)
	closed := server.Connect(t)
	closed.Close()
	for name, test := range map[string]struct {
		bus  *natshub.Bus
		want string
	}{
		"closed":  {natshub.NewBus(closed), "connection closed"},
		"no echo": {natshub.NewBus(server.Connect(t, nats.NoEcho())), "connect without it"},
		"prefix": {
			natshub.NewBus(server.Connect(t), natshub.WithRoomPrefix("a.*")), `the prefix "a.*"`,
		},
		"long prefix": {
			natshub.NewBus(server.Connect(t), natshub.WithRoomPrefix(strings.Repeat("a", 129))),
			"use up to 128",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.bus.Publish(t.Context(), "r", nil); !contains(err, test.want) {
				t.Errorf("Publish returned %v, want an error with %q", err, test.want)
			}
			_, err := test.bus.Subscribe(t.Context(), "r", func([]byte, int) {})
			if !contains(err, test.want) {
				t.Errorf("Subscribe returned %v, want an error with %q", err, test.want)
			}
		})
	}
	bus := natshub.NewBus(server.Connect(t))
	for _, room := range []string{"", strings.Repeat("x", 257)} {
		if err := bus.Publish(t.Context(), room, nil); !contains(err, "use 1 to 256") {
			t.Errorf("Publish in a room of %d bytes returned %v", len(room), err)
		}
	}
}

func contains(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

// TestDataOfOthers checks that what is no message of a bus is a loss.
func TestDataOfOthers(t *testing.T) {
	server := natstest.Start(t)
	nc := server.Connect(t)
	in := listen(t, natshub.NewBus(nc), "r")
	for _, data := range [][]byte{nil, []byte("hello"), make([]byte, 25)} {
		if err := nc.Publish("grpcservice.rooms.r", data); err != nil {
			t.Fatal(err)
		}
		if got := in.next(t); got.lost != 1 || got.data != "" {
			t.Errorf("%q was received as %+v", data, got)
		}
	}
}

func TestNothingRunsAfterStop(t *testing.T) {
	server := natstest.Start(t)
	bus := natshub.NewBus(server.Connect(t))
	var stops []func()
	for i := range 20 {
		stop, err := bus.Subscribe(t.Context(), fmt.Sprint(i), func([]byte, int) {})
		if err != nil {
			t.Fatal(err)
		}
		stops = append(stops, stop)
	}
	if n := subscriptions(); n < 20 {
		t.Fatalf("%d goroutines receive, want 20", n)
	}
	for _, stop := range stops {
		stop()
		stop()
	}
	for deadline := time.Now().Add(patience); subscriptions() > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines still receive", subscriptions())
		}
		time.Sleep(time.Millisecond)
	}
}

// subscriptions returns how many goroutines of nats.go serve subscriptions.
func subscriptions() int {
	stacks := make([]byte, 4<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), ").waitForMsgs(")
}

func TestASubscriptionObeysItsContext(t *testing.T) {
	server := natstest.Start(t)
	bus := natshub.NewBus(server.Connect(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := bus.Subscribe(ctx, "r", func([]byte, int) {}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Subscribe returned %v", err)
	}
}

// smallPayload is an option of servers that take small messages.
var smallPayload = natstest.WithServerOptions(func(o *server.Options) { o.MaxPayload = 1024 })

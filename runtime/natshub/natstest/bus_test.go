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
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/hub/bustest"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/natshub"
	"github.com/grpcservice/grpcservice/runtime/natshub/natstest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// patience is how long tests wait for anything.
const patience = 2 * time.Minute

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

// within receives from ch. It fails the test if nothing comes.
func within[T any](t *testing.T, what string, ch <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-ch:
	case <-time.After(patience):
		t.Fatalf("%s: it does not happen", what)
	}
	return got
}

func (in inbox) next(t *testing.T) received {
	t.Helper()
	return within(t, "a message arrives", in)
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

func contains(err error, text string) bool {
	return err != nil && strings.Contains(err.Error(), text)
}

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
	awaitSubscriptions(t, 20) // also proves that they can be counted
	for _, stop := range stops {
		stop()
		stop()
	}
	awaitSubscriptions(t, 0)
}

// awaitSubscriptions waits until n goroutines of nats.go serve subscriptions.
func awaitSubscriptions(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); subscriptions() != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines receive, want %d", subscriptions(), n)
		}
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

// TestAMessageThatIsTooLarge checks that no member has it, not even one of the same replica.
func TestAMessageThatIsTooLarge(t *testing.T) {
	srv := natstest.Start(t, natstest.WithServerOptions(func(o *server.Options) {
		o.MaxPayload = 1024
	}))
	rooms := hub.New[wrapperspb.StringValue](hub.WithBus(natshub.NewBus(srv.Connect(t))))
	m, err := rooms.Join(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	err = rooms.Publish(t.Context(), "r", wrapperspb.String(strings.Repeat("x", 1024)))
	if rpcerr.ReasonOf(err) != hub.ReasonMessageTooLarge ||
		status.Code(err) != codes.ResourceExhausted || !contains(err, "1027 bytes") {
		t.Fatalf("Publish returned %v", err)
	}
	if err := rooms.Publish(t.Context(), "r", wrapperspb.String("small")); err != nil {
		t.Fatal(err)
	}
	for msg, err := range m.Messages(t.Context()) {
		if err != nil || msg.GetValue() != "small" {
			t.Fatalf("received %v, %v", msg, err)
		}
		break
	}
}

// TestThreeReplicas restarts the server while members of three replicas write: each member
// receives the messages of each other in order, each once, or learns how many are missing.
func TestThreeReplicas(t *testing.T) {
	const replicas, messages = 3, 300
	srv := natstest.Start(t)
	hubs := make([]*hub.Hub[wrapperspb.StringValue], replicas)
	members := make([]*hub.Member[wrapperspb.StringValue], replicas)
	conns := make([]*nats.Conn, replicas)
	for i := range hubs {
		conns[i] = srv.Connect(t)
		hubs[i] = hub.New[wrapperspb.StringValue](
			hub.WithBus(natshub.NewBus(conns[i])), hub.WithQueue(10*replicas*messages),
			hub.WithGap(func(lost int) *wrapperspb.StringValue {
				return wrapperspb.String(fmt.Sprintf("lost %d", lost))
			}))
		m, err := hubs[i].Join(t.Context(), "r")
		if err != nil {
			t.Fatal(err)
		}
		members[i] = m
	}
	for i, h := range hubs { // everybody knows everybody
		publish(t, h, fmt.Sprint(i, 0))
	}
	for _, h := range hubs {
		await(t, "the first messages arrive", func() bool { return busReceived(h) == replicas-1 })
	}
	halfway := make(chan struct{}, replicas)
	restarted := make(chan struct{})
	var writing sync.WaitGroup
	for i, h := range hubs {
		writing.Go(func() {
			for n := 1; n < messages; n++ {
				if n == messages/2 {
					halfway <- struct{}{}
				}
				publish(t, h, fmt.Sprint(i, n))
			}
			<-restarted
			// From here on nothing is lost, and what was lost before is known.
			publish(t, h, fmt.Sprint(i, messages))
		})
	}
	for range hubs {
		within(t, "a replica has published half of its messages", halfway)
	}
	if err := srv.Restart(); err != nil {
		t.Fatal(err)
	}
	for _, nc := range conns {
		await(t, "all are connected again", func() bool {
			return nc.Stats().Reconnects > 0 && nc.IsConnected()
		})
		if err := nc.FlushTimeout(patience); err != nil {
			t.Fatal(err)
		}
	}
	close(restarted)
	writing.Wait()
	for i, m := range members {
		known := receiveAll(t, m, i, replicas, messages)
		if want := replicas * (messages + 1); known != want {
			t.Errorf("member %d: %d messages were received or known to be lost, want %d", i, known, want)
		}
	}
}

// busReceived returns how many messages of other replicas a hub has received.
func busReceived(h *hub.Hub[wrapperspb.StringValue]) (n int) {
	h.Collect(func(desc *metric.Desc, value float64, _ ...string) {
		if desc.Name == metric.HubBusReceived {
			n = int(value)
		}
	})
	return n
}

func publish(t *testing.T, h *hub.Hub[wrapperspb.StringValue], text string) {
	if err := h.Publish(t.Context(), "r", wrapperspb.String(text)); err != nil {
		t.Errorf("Publish: %v", err)
	}
}

// receiveAll receives the messages of all replicas up to the last of each, and returns how many
// were received or are known to be lost.
func receiveAll(
	t *testing.T, m *hub.Member[wrapperspb.StringValue], self, replicas, messages int,
) (known int) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	last := make([]int, replicas)
	for i := range last {
		last[i] = -1
	}
	ended := 0
	for msg, err := range m.Messages(ctx) {
		if err != nil {
			t.Fatalf("member %d has %d messages, the last of each replica are %v: %v",
				self, known, last, err)
		}
		var from, n int
		if _, err := fmt.Sscanf(msg.GetValue(), "lost %d", &n); err == nil {
			known += n
			continue
		}
		if _, err := fmt.Sscan(msg.GetValue(), &from, &n); err != nil {
			t.Fatal(err)
		}
		if n <= last[from] || from == self && n != last[from]+1 {
			t.Fatalf("member %d received message %d of replica %d after %d", self, n, from, last[from])
		}
		last[from] = n
		known++
		if n == messages {
			ended++
		}
		if ended == replicas {
			return known
		}
	}
	return known
}

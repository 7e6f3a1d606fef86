package hub_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// soakTime is how long [TestSoakRooms] runs: 5 seconds, or what make soak sets.
func soakTime(t *testing.T) time.Duration {
	text := os.Getenv("SOAK")
	if text == "" {
		return 5 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal("SOAK:", err)
	}
	return d
}

// soakPolicies are the policies of the hubs of [TestSoakRooms].
var soakPolicies = map[string]hub.MemberOption{
	"disconnect":  hub.WithSlow(hub.Disconnect),
	"drop oldest": hub.WithSlow(hub.DropOldest),
	"drop newest": hub.WithSlow(hub.DropNewest),
	"block":       hub.WithBlock(20 * time.Millisecond),
}

const (
	soakMembers = 250 // of each policy
	soakRooms   = 5   // of each policy
	soakQueue   = 4
)

// panicCode makes Receive panic.
const panicCode = 13

// soak is the state of one run.
type soak struct {
	ctx                                  context.Context
	call                                 func(context.Context, messages) messages
	received, lost, slow, panics, broken atomic.Int64
	mu                                   sync.Mutex
	failures                             []string
}

func (s *soak) fail(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failures) < 10 {
		s.failures = append(s.failures, fmt.Sprintf(format, args...))
	}
}

// TestSoakRooms has 1,000 members that stall, break, panic and reconnect at random. Each checks
// that
// it receives all numbers of its room in order, or a mark of how many it has lost.
func TestSoakRooms(t *testing.T) {
	servicetest.NoLeaks(t)
	hubs := make(map[string]*hub.Hub[message])
	for name, policy := range soakPolicies {
		hubs[name] = hub.New[message](policy, hub.WithQueue(soakQueue), hub.WithGap(gap))
	}
	srv := server.New(server.WithoutAuthentication(), server.WithDrainDelay(0),
		server.WithMaxCalls(0), server.WithMaxCallsPerPeer(0),
		server.WithLogger(slog.New(slog.DiscardHandler)),
		server.WithGRPCOptions(grpc.MaxConcurrentStreams(10_000)))
	registerChat(srv, chatFunc(func(ctx context.Context, reqs messages) messages {
		name := metadata.ValueFromIncomingContext(ctx, "policy")[0]
		return chat.Serve(ctx, reqs, hubs[name], handler{
			Receive: func(_ context.Context, _ *hub.Member[message], req *message) error {
				if req.GetCode() == panicCode {
					panic("soak")
				}
				return nil
			},
		})
	}))
	// Without a fixed window, the client buffers more for a member that stalls.
	conn := listen(t, srv, grpc.WithStaticStreamWindowSize(64<<10))
	ctx, cancel := context.WithTimeout(t.Context(), soakTime(t))
	defer cancel()
	s := &soak{ctx: ctx, call: func(ctx context.Context, reqs messages) messages {
		return client.Bidi[message](ctx, client.Bind(conn, chatTable.Methods()[0]), reqs)
	}}
	var running sync.WaitGroup
	for name, h := range hubs {
		for room := range soakRooms {
			running.Go(func() { s.publish(h, fmt.Sprint("room ", room)) })
		}
		for i := range soakMembers {
			running.Go(func() { s.live(name, rand.New(rand.NewPCG(uint64(i), uint64(len(name))))) })
		}
	}
	running.Wait()
	for name, h := range hubs {
		for start := time.Now(); h.Stats() != (hub.Stats{}); time.Sleep(time.Millisecond) {
			if time.Since(start) > time.Minute {
				t.Fatalf("%s: %+v is left", name, h.Stats())
			}
		}
	}
	for _, failure := range s.failures {
		t.Error(failure)
	}
	t.Logf("received %d, lost %d; %d were disconnected, %d panicked, %d broke off",
		s.received.Load(), s.lost.Load(), s.slow.Load(), s.panics.Load(), s.broken.Load())
}

// sleep waits for some milliseconds, or until the end.
func (s *soak) sleep(ms int) {
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
	case <-s.ctx.Done():
	}
}

// publish numbers the messages of a room. Some come in bursts.
func (s *soak) publish(h *hub.Hub[message], room string) {
	random := rand.New(rand.NewPCG(7, uint64(room[len(room)-1])))
	payload := make([]byte, 4<<10)
	for n := int32(1); s.ctx.Err() == nil; {
		for range 1 + random.IntN(4) {
			err := h.Publish(s.ctx, room, &message{Text: room, Count: n, Payload: payload})
			if err != nil && s.ctx.Err() == nil {
				s.fail("Publish: %v", err)
			}
			n++
		}
		s.sleep(random.IntN(400))
	}
}

// live makes one call after the other.
func (s *soak) live(policy string, random *rand.Rand) {
	for s.ctx.Err() == nil {
		s.member(metadata.AppendToOutgoingContext(s.ctx, "policy", policy), policy, random)
		s.sleep(random.IntN(100))
	}
}

// member is one call of a member, until it breaks off, panics, or is disconnected.
func (s *soak) member(ctx context.Context, policy string, random *rand.Rand) {
	c := stream.Converse(ctx, s.call)
	defer c.Close()
	room := fmt.Sprint("room ", random.IntN(soakRooms))
	if c.Send(&message{Text: room}) != nil {
		return
	}
	last := int32(0)
	for left := random.IntN(100); left > 0; left-- {
		msg, err := c.Receive()
		if err != nil {
			s.ended(policy, err)
			return
		}
		last = s.take(policy, msg, last)
		switch random.IntN(60) {
		case 0:
			s.sleep(random.IntN(5000))
		case 1:
			s.panics.Add(1)
			_ = c.Send(&message{Code: panicCode})
		}
	}
	s.broken.Add(1)
}

// take checks the next message of a member and returns the number that precedes the next one.
func (s *soak) take(policy string, msg *message, last int32) int32 {
	s.received.Add(1)
	n := msg.GetCount()
	switch {
	case n < 0 && policy == "disconnect":
		s.fail("%s: lost %d after %d", policy, -n, last)
	case n < 0 && last == 0: // lost before the first that it receives
		s.lost.Add(int64(-n))
		return 0
	case n < 0:
		s.lost.Add(int64(-n))
		return last - n
	case last != 0 && n != last+1:
		s.fail("%s: received %d after %d", policy, n, last)
	}
	return n
}

// ended checks how a call has ended.
func (s *soak) ended(policy string, err error) {
	switch {
	case s.ctx.Err() != nil, status.Code(err) == codes.DeadlineExceeded:
	case rpcerr.ReasonOf(err) == hub.ReasonSlowConsumer && !strings.HasPrefix(policy, "drop"):
		s.slow.Add(1)
	case status.Code(err) == codes.Internal: // a panic
	default:
		s.fail("%s: %v", policy, err)
	}
}

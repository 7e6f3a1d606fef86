package subscription_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/seal"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

// site is where a server runs, again and again, and its client.
type site struct {
	t       *testing.T
	log     *eventlog.Log[event]
	keys    []seal.Key // none: random ones
	addr    string
	mu      sync.Mutex
	conns   []net.Conn
	server  *server.Server
	stopped chan struct{}
}

func (s *site) start() {
	lis, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = lis.Addr().String()
	opts := []server.Option{server.WithoutAuthentication(), server.WithDrainDelay(0), quiet}
	if len(s.keys) > 0 {
		opts = append(opts, server.WithTokenKeys(s.keys...))
	}
	log := s.log
	srv := server.New(opts...)
	server.Register[eventService](srv, table, events(func(ctx context.Context, req *request) runtime.Stream[event] {
		return subscribe.Serve(ctx, req, log)
	}))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = srv.Serve(context.Background(), lis)
	}()
	s.server, s.stopped = srv, stopped
}

// stop shuts the server down, at once if hard.
func (s *site) stop(hard bool) {
	ctx, cancel := context.WithCancel(context.Background())
	if hard {
		cancel()
	}
	_ = s.server.Shutdown(ctx)
	<-s.stopped
	cancel()
}

// dial returns a client that cut disconnects.
func (s *site) dial() eventService {
	conn, err := client.Dial("passthrough:///"+s.addr, client.WithInsecure(), client.WithDialOptions(
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Minute, Backoff: backoff.Config{BaseDelay: 10 * time.Millisecond, MaxDelay: 50 * time.Millisecond}}),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
			if err == nil {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.conns = append(s.conns, conn)
			}
			return conn, err
		})))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return clientOf(conn)
}

// cut closes the connections of the client. It returns false if there is none.
func (s *site) cut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	some := len(s.conns) > 0
	for _, conn := range s.conns {
		_ = conn.Close()
	}
	s.conns = nil
	return some
}

// fast are the waits of the tests.
var fast = subscription.WithBackoff(client.Backoff{Initial: 5 * time.Millisecond, Max: 50 * time.Millisecond})

// TestDisconnectsAndRestarts checks that a subscription over 100 disconnects and 10 restarts of the
// server yields each event once, in order.
func TestDisconnectsAndRestarts(t *testing.T) {
	servicetest.NoLeaks(t)
	const disconnects, restarts = 100, 10
	s := &site{t: t, log: eventlog.New[event](eventlog.NewMemory()), addr: "127.0.0.1:0", keys: []seal.Key{seal.NewKey(make([]byte, 32))}}
	s.start()
	svc := s.dial()
	done := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(done)
		for id := int64(1); ; id++ {
			if _, err := s.log.Append(context.Background(), &event{Id: id}); err != nil {
				t.Error(err)
			}
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Microsecond):
			}
		}
	}()
	defer func() {
		close(stop)
		<-done
		s.stop(true)
	}()
	next, cuts := int64(1), 0
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for e, err := range subscribe.Resume(ctx, svc, &request{Lines: 1000}, fast) {
		if err != nil {
			t.Fatalf("after %d cuts: %v", cuts, err)
		}
		if cuts == 0 && next == 1 {
			next = e.GetId()
		}
		if e.GetId() != next {
			t.Fatalf("after %d cuts: got event %d, want %d", cuts, e.GetId(), next)
		}
		next++
		if next%10 != 0 || !s.cut() {
			continue
		}
		if cuts++; cuts == disconnects {
			break
		}
		if cuts%(disconnects/restarts) == 0 || cuts == 1 {
			s.stop(cuts%20 == 0)
			s.start()
		}
	}
}

// TestRestartWithAnotherLog checks that a client learns that its events are gone, with and without
// configured keys.
func TestRestartWithAnotherLog(t *testing.T) {
	for name, keys := range map[string][]seal.Key{"keys": {seal.NewKey(make([]byte, 32))}, "random keys": nil} {
		s := &site{t: t, log: newLog(t, 5), addr: "127.0.0.1:0", keys: keys}
		s.start()
		svc := s.dial()
		n := 0
		var failure error
		for e, err := range subscribe.Resume(t.Context(), svc, &request{Lines: 5}, fast) {
			if failure = err; err != nil {
				break
			}
			if n++; e.GetId() != int64(n) {
				t.Fatalf("%s: got event %d, want %d", name, e.GetId(), n)
			}
			if n == 5 {
				s.stop(true)
				s.log = newLog(t, 7)
				s.start()
			}
		}
		var lost *subscription.NotRecovered
		if !errors.As(failure, &lost) || rpcerr.ReasonOf(failure) != subscription.ReasonPositionUnknown {
			t.Fatalf("%s: got %v, want NotRecovered", name, failure)
		}
		got, err := receive(subscribe.Resume(t.Context(), svc, nil, subscription.WithPosition(lost.Earliest)), 7)
		wantRange(t, got, err, 1, 7)
		s.stop(true)
	}
}

// TestDrainEndsSubscribers checks that a shutdown waits for no subscriber, and that they notice
// what it is.
func TestDrainEndsSubscribers(t *testing.T) {
	servicetest.NoLeaks(t)
	s := &site{t: t, log: newLog(t, 5), addr: "127.0.0.1:0"}
	s.start()
	svc := s.dial()
	results := make(chan error, 20)
	ready := make(chan struct{}, 20)
	for range cap(results) {
		go func() {
			var failure error
			for e, err := range svc.Subscribe(t.Context(), &request{Lines: 5}) {
				if failure = err; err == nil && e.GetId() == 5 {
					ready <- struct{}{}
				}
			}
			results <- failure
		}()
	}
	for range cap(results) {
		echotest.Within(t, ready)
	}
	begin := time.Now()
	s.stop(false)
	if took := time.Since(begin); took > 15*time.Second { // calls may take 20 s to finish
		t.Errorf("the shutdown took %v", took)
	}
	for range cap(results) {
		if err := echotest.Within(t, results); rpcerr.ReasonOf(err) != rpcerr.ReasonDraining {
			t.Errorf("a subscriber got %v, want SERVER_DRAINING", err)
		}
	}
}

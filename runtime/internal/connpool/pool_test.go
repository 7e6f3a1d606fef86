package connpool_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/grpcservice/grpcservice/runtime/internal/connpool"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// patience is how long tests wait for what should happen soon.
const patience = 2 * time.Minute

// backend is a server that counts its connections. Its streams run until their client ends them.
type backend struct {
	*grpc.Server
	addr    string
	health  *health.Server
	open    atomic.Int64 // connections
	most    atomic.Int64 // that were open at once
	opened  atomic.Int64
	running atomic.Int64 // streams
	calls   atomic.Int64 // unary
}

// serve starts a backend on addr, which may be "127.0.0.1:0".
func serve(t *testing.T, addr string, opts ...grpc.ServerOption) *backend {
	t.Helper()
	b := &backend{health: health.NewServer()}
	opts = append(opts, grpc.StatsHandler(b), grpc.UnknownServiceHandler(b.handle))
	b.Server = grpc.NewServer(opts...)
	grpc_health_v1.RegisterHealthServer(b.Server, b.health)
	var lis net.Listener
	eventually(t, "listen on "+addr, func() bool {
		var err error
		lis, err = net.Listen("tcp", addr)
		return err == nil
	})
	b.addr = lis.Addr().String()
	served := make(chan struct{})
	go func() {
		defer close(served)
		b.Server.Serve(lis)
	}()
	t.Cleanup(func() {
		b.Stop()
		<-served
	})
	return b
}

func (b *backend) handle(_ any, ss grpc.ServerStream) error {
	if method, _ := grpc.MethodFromServerStream(ss); method == "/test/Unary" {
		b.calls.Add(1)
		if err := ss.RecvMsg(new(emptypb.Empty)); err != nil {
			return err
		}
		return ss.SendMsg(new(emptypb.Empty))
	}
	b.running.Add(1)
	defer b.running.Add(-1)
	if err := ss.SendHeader(nil); err != nil {
		return err
	}
	<-ss.Context().Done()
	return nil
}

func (b *backend) HandleConn(_ context.Context, s stats.ConnStats) {
	switch s.(type) {
	case *stats.ConnBegin:
		b.opened.Add(1)
		open := b.open.Add(1)
		for most := b.most.Load(); open > most && !b.most.CompareAndSwap(most, open); {
			most = b.most.Load()
		}
	case *stats.ConnEnd:
		b.open.Add(-1)
	}
}

func (b *backend) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (b *backend) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (b *backend) HandleRPC(context.Context, stats.RPCStats)                         {}

// eventually waits until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// client is a connection through the balancer.
type client struct {
	*grpc.ClientConn
	t     *testing.T
	addrs *manual.Resolver
}

// setup is how a client is configured.
type setup struct {
	connections int
	child       string
	idle        time.Duration // zero: the default
	health      bool
}

// serviceConfig returns the configuration of grpc.
func (s setup) serviceConfig(t testing.TB) string {
	t.Helper()
	config := map[string]any{"loadBalancingConfig": []any{map[string]any{connpool.Name: connpool.Config{
		Connections:  s.connections,
		HealthChecks: s.health,
		IdleMillis:   s.idle.Milliseconds(),
		ChildPolicy:  []json.Marshaler{json.RawMessage(s.child)},
	}}}}
	if s.health {
		config["healthCheckConfig"] = map[string]any{"serviceName": ""}
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// dial connects to servers, and tries again soon if it cannot.
func dial(t *testing.T, s setup, addrs []string, opts ...grpc.DialOption) *client {
	t.Helper()
	c := &client{t: t, addrs: manual.NewBuilderWithScheme("pool")}
	c.addrs.InitialState(stateOf(addrs))
	wait := 20 * time.Millisecond
	opts = append([]grpc.DialOption{
		grpc.WithTransportCredentials(connpool.Credentials(insecure.NewCredentials())),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: wait, Multiplier: 1, MaxDelay: wait},
			MinConnectTimeout: patience,
		}),
		grpc.WithResolvers(c.addrs),
		grpc.WithDefaultServiceConfig(s.serviceConfig(t)),
	}, opts...)
	var err error
	if c.ClientConn, err = grpc.NewClient("pool:///servers", opts...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func stateOf(addrs []string) resolver.State {
	var state resolver.State
	for _, addr := range addrs {
		of := []resolver.Address{{Addr: addr}}
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: of})
		state.Addresses = append(state.Addresses, of...) // read by balancers older than endpoints
	}
	return state
}

const (
	roundRobin   = `{"round_robin":{}}`
	leastRequest = `{"least_request_experimental":{}}`
	pickFirst    = `{"pick_first":{}}`
)

// held is a stream that runs until stop.
type held struct {
	stream grpc.ClientStream
	cancel func()
}

func (h held) stop() {
	h.cancel()
	h.received()
}

// received returns when grpc has finished the stream.
func (h held) received() { h.stream.RecvMsg(new(emptypb.Empty)) }

// hold starts a stream.
func (c *client) hold(ctx context.Context) (held, error) {
	ctx, cancel := context.WithCancel(ctx)
	desc := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	stream, err := c.NewStream(ctx, desc, "/test/Hold")
	if err == nil {
		_, err = stream.Header()
	}
	if err != nil {
		cancel()
	}
	return held{stream, cancel}, err
}

// holdAll starts n streams at once, and waits until they run.
func (c *client) holdAll(n int) (all []held) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	c.t.Cleanup(cancel)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			h, err := c.hold(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				c.t.Error(err)
				return
			}
			all = append(all, h)
		})
	}
	wg.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
	return all
}

func (c *client) unary(ctx context.Context) error {
	return c.Invoke(ctx, "/test/Unary", new(emptypb.Empty), new(emptypb.Empty))
}

// storm makes calls until stop, which returns how many were made and the errors.
func (c *client) storm(workers int) (stop func() (int, []error)) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	c.t.Cleanup(cancel)
	done := make(chan struct{})
	var calls int
	var errs []error
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				err := c.unary(ctx)
				mu.Lock()
				if calls++; err != nil {
					errs = append(errs, err)
				}
				mu.Unlock()
				if ctx.Err() != nil { // also when the test has failed, and does not call stop
					return
				}
			}
		})
	}
	return func() (int, []error) {
		close(done)
		wg.Wait()
		cancel()
		return calls, errs
	}
}

func stopAll(all []held) {
	for _, h := range all {
		h.stop()
	}
}

func TestStreamsBeyondTheLimitOfOneConnection(t *testing.T) {
	for _, child := range []string{roundRobin, leastRequest, pickFirst} {
		t.Run(child, func(t *testing.T) {
			servicetest.NoLeaks(t)
			b := serve(t, "127.0.0.1:0", grpc.MaxConcurrentStreams(10))
			c := dial(t, setup{connections: 4, child: child}, []string{b.addr})
			stopAll(c.holdAll(35))
			if most := b.most.Load(); most != 4 {
				t.Errorf("%d connections; want 4", most)
			}
		})
	}
}

func TestOneConnectionBlocksTheStreamBeyondTheLimit(t *testing.T) {
	servicetest.NoLeaks(t)
	b := serve(t, "127.0.0.1:0", grpc.MaxConcurrentStreams(10))
	c := dial(t, setup{connections: 1, child: roundRobin}, []string{b.addr})
	defer stopAll(c.holdAll(10))
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.hold(ctx); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v; want DEADLINE_EXCEEDED", err)
	}
	if most := b.most.Load(); most != 1 {
		t.Errorf("%d connections; want 1", most)
	}
}

func TestLimitIsTheServers(t *testing.T) {
	for _, tt := range []struct {
		limit       uint32
		streams     int
		connections int64
	}{
		{limit: 1, streams: 4, connections: 4},
		{limit: 2, streams: 8, connections: 4},
		{limit: 50, streams: 44, connections: 1},
		{limit: 50, streams: 120, connections: 3},
		{limit: 250, streams: 200, connections: 1},
		{limit: 0, streams: 300, connections: 1}, // unlimited
	} {
		t.Run(fmt.Sprint(tt.limit, tt.streams), func(t *testing.T) {
			servicetest.NoLeaks(t)
			b := serve(t, "127.0.0.1:0", grpc.MaxConcurrentStreams(tt.limit))
			c := dial(t, setup{connections: 4, child: roundRobin}, []string{b.addr})
			stopAll(c.holdAll(tt.streams))
			if most := b.most.Load(); most != tt.connections {
				t.Errorf("%d connections; want %d", most, tt.connections)
			}
		})
	}
}

func TestFullConnectionsQueueCalls(t *testing.T) {
	servicetest.NoLeaks(t)
	b := serve(t, "127.0.0.1:0", grpc.MaxConcurrentStreams(5))
	c := dial(t, setup{connections: 2, child: roundRobin}, []string{b.addr})
	streams := c.holdAll(10)
	got := make(chan error, 1)
	go func() { got <- c.unary(t.Context()) }()
	streams[3].stop()
	if err := <-got; err != nil {
		t.Error(err)
	}
	if most := b.most.Load(); most != 2 {
		t.Errorf("%d connections; want 2", most)
	}
}

func TestStreamsSpreadOverServers(t *testing.T) {
	for _, child := range []string{roundRobin, leastRequest} {
		t.Run(child, func(t *testing.T) {
			servicetest.NoLeaks(t)
			var servers []*backend
			var addrs []string
			for range 3 {
				servers = append(servers, serve(t, "127.0.0.1:0", grpc.MaxConcurrentStreams(10)))
				addrs = append(addrs, servers[len(servers)-1].addr)
			}
			c := dial(t, setup{connections: 2, child: child}, addrs)
			defer stopAll(c.holdAll(60)) // all that 3 servers grant to 2 connections
			for _, b := range servers {
				if b.running.Load() != 20 || b.most.Load() != 2 {
					t.Errorf("%d streams on %d connections; want 20 on 2", b.running.Load(), b.most.Load())
				}
			}
		})
	}
}

func TestStormOfCalls(t *testing.T) {
	servicetest.NoLeaks(t)
	b := serve(t, "127.0.0.1:0", grpc.MaxConcurrentStreams(10))
	c := dial(t, setup{connections: 4, child: roundRobin}, []string{b.addr})
	stop := c.storm(60)
	eventually(t, "3,000 calls", func() bool { return b.calls.Load() > 3000 })
	if calls, errs := stop(); len(errs) > 0 {
		t.Errorf("%d of %d calls failed: %v", len(errs), calls, errs[0])
	}
	if most := b.most.Load(); most > 4 || most < 2 {
		t.Errorf("%d connections; want 2 to 4", most)
	}
}

func TestMaxConnectionAgeFailsNoCall(t *testing.T) {
	servicetest.NoLeaks(t)
	b := serve(t, "127.0.0.1:0", grpc.MaxConcurrentStreams(10), grpc.KeepaliveParams(keepalive.ServerParameters{
		MaxConnectionAge: 50 * time.Millisecond,
	}))
	c := dial(t, setup{connections: 4, child: roundRobin}, []string{b.addr})
	stop := c.storm(30)
	eventually(t, "20 connections", func() bool { return b.opened.Load() > 20 })
	stopAll(c.holdAll(35)) // lost connections leave room for others
	if calls, errs := stop(); len(errs) > 0 {
		t.Errorf("%d of %d calls failed: %v", len(errs), calls, errs[0])
	}
}

func TestServersComeAndGo(t *testing.T) {
	servicetest.NoLeaks(t)
	limit := grpc.MaxConcurrentStreams(10)
	stays, restarts := serve(t, "127.0.0.1:0", limit), serve(t, "127.0.0.1:0", limit)
	c := dial(t, setup{connections: 3, child: roundRobin}, []string{stays.addr, restarts.addr})
	stop := c.storm(50)
	for range 3 {
		eventually(t, "calls of both", func() bool { return restarts.calls.Load() > 100 })
		restarts.GracefulStop()
		before := stays.calls.Load()
		eventually(t, "calls of one", func() bool { return stays.calls.Load() > before+100 })
		restarts = serve(t, restarts.addr, limit)
	}
	eventually(t, "calls of both", func() bool { return restarts.calls.Load() > 100 })
	if calls, errs := stop(); len(errs) > 0 {
		t.Errorf("%d of %d calls failed: %v", len(errs), calls, errs[0])
	}
	c.addrs.UpdateState(stateOf([]string{stays.addr}))
	eventually(t, "no connection to the server that left", func() bool { return restarts.open.Load() == 0 })
}

func TestKilledServerIsReplaced(t *testing.T) {
	servicetest.NoLeaks(t)
	limit := grpc.MaxConcurrentStreams(10)
	b := serve(t, "127.0.0.1:0", limit)
	c := dial(t, setup{connections: 3, child: roundRobin}, []string{b.addr})
	old := c.holdAll(25)
	b.Stop()
	// While their places are taken, a connection to the new server would be opened beside those whose
	// end the client does not know yet, and streams would be queued there.
	stopAll(old)
	b = serve(t, b.addr, limit)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for c.unary(ctx) != nil {
		if ctx.Err() != nil {
			t.Fatal("no call succeeds")
		}
	}
	stopAll(c.holdAll(25))
	if most := b.most.Load(); most != 3 {
		t.Errorf("%d connections; want 3", most)
	}
}

func TestIdleClientClosesAllConnections(t *testing.T) {
	servicetest.NoLeaks(t)
	b := serve(t, "127.0.0.1:0", grpc.MaxConcurrentStreams(10))
	c := dial(t, setup{connections: 4, child: roundRobin}, []string{b.addr},
		grpc.WithIdleTimeout(20*time.Millisecond))
	for range 2 {
		stopAll(c.holdAll(35))
		eventually(t, "no connection", func() bool { return b.open.Load() == 0 })
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	servicetest.NoLeaks(t)
	b := serve(t, "127.0.0.1:0", grpc.MaxConcurrentStreams(10))
	c := dial(t, setup{connections: 4, child: roundRobin, idle: 40 * time.Millisecond}, []string{b.addr})
	streams := c.holdAll(35)
	stopAll(streams[1:])
	eventually(t, "one or two connections", func() bool { return b.open.Load() <= 2 })
	eventually(t, "one stream", func() bool { return b.running.Load() == 1 })
	streams[0].stop()
	eventually(t, "one connection", func() bool { return b.open.Load() == 1 })
	if b.opened.Load() < 4 {
		t.Errorf("%d connections were opened; want 4", b.opened.Load())
	}
	stopAll(c.holdAll(35)) // it opens them again
	eventually(t, "one connection", func() bool { return b.open.Load() == 1 })
}

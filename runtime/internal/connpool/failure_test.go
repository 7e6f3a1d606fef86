package connpool_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// dialer opens the first connection, and further ones as more says.
type dialer struct {
	dials atomic.Int64
	more  func(context.Context) error
}

func (d *dialer) option() grpc.DialOption {
	return grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
		if d.dials.Add(1) > 1 {
			if err := d.more(ctx); err != nil {
				return nil, err
			}
		}
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	})
}

func TestFurtherConnectionsThatFail(t *testing.T) {
	servicetest.NoLeaks(t)
	for name, more := range map[string]func(context.Context) error{
		"refused": func(context.Context) error { return errors.New("refused") },
		"hung": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, "127.0.0.1:0", grpc.MaxConcurrentStreams(10))
			d := &dialer{more: more}
			c := dial(t, setup{connections: 4, child: roundRobin}, []string{b.addr}, d.option())
			stop := c.storm(40)
			eventually(t, "1,000 calls, and an attempt at a connection", func() bool {
				return b.calls.Load() > 1000 && d.dials.Load() > 1
			})
			if calls, errs := stop(); len(errs) > 0 {
				t.Errorf("%d of %d calls failed: %v", len(errs), calls, errs[0])
			}
			if most := b.most.Load(); most != 1 {
				t.Errorf("%d connections; want 1", most)
			}
		})
	}
}

// TestLostConnectionsAreReplaced cuts all connections but one, as a proxy that restarts may do.
func TestLostConnectionsAreReplaced(t *testing.T) {
	servicetest.NoLeaks(t)
	b := serve(t, "127.0.0.1:0", grpc.MaxConcurrentStreams(10))
	var mu sync.Mutex
	var dialed []net.Conn
	c := dial(t, setup{connections: 4, child: roundRobin}, []string{b.addr}, grpc.WithContextDialer(
		func(ctx context.Context, addr string) (net.Conn, error) {
			nc, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
			mu.Lock()
			defer mu.Unlock()
			dialed = append(dialed, nc)
			return nc, err
		}))
	for kept := range 4 {
		var lost atomic.Int64
		var received sync.WaitGroup
		streams := c.holdAll(40)
		for _, h := range streams {
			received.Go(func() {
				h.received()
				lost.Add(1)
			})
		}
		mu.Lock()
		for i, nc := range dialed {
			if i != kept {
				nc.Close()
			}
		}
		dialed = dialed[kept : kept+1]
		mu.Unlock()
		eventually(t, "30 of 40 streams are lost", func() bool { return lost.Load() == 30 })
		stopAll(c.holdAll(30))
		for _, h := range streams {
			h.cancel()
		}
		received.Wait()
		mu.Lock()
		open := len(dialed)
		mu.Unlock()
		if open != 4 {
			t.Fatalf("%d connections; want 4", open)
		}
	}
}

// TestWaitingCallTakesTheFirstPlace has a call wait while a connection is refused again and again:
// it runs on the next place of the existing one, or on the connection that opens at last.
func TestWaitingCallTakesTheFirstPlace(t *testing.T) {
	servicetest.NoLeaks(t)
	for name, free := range map[string]func(stop func(), refuse *atomic.Bool){
		"of a stream that ends":      func(stop func(), _ *atomic.Bool) { stop() },
		"of a connection that opens": func(_ func(), refuse *atomic.Bool) { refuse.Store(false) },
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, "127.0.0.1:0", grpc.MaxConcurrentStreams(5))
			var refuse atomic.Bool
			refuse.Store(true)
			d := &dialer{more: func(context.Context) error {
				if refuse.Load() {
					return errors.New("refused")
				}
				return nil
			}}
			c := dial(t, setup{connections: 2, child: roundRobin}, []string{b.addr}, d.option())
			streams := c.holdAll(5)
			got := make(chan error, 1)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			go func() { got <- c.unary(ctx) }()
			eventually(t, "three attempts", func() bool { return d.dials.Load() > 3 })
			select {
			case err := <-got:
				t.Fatalf("the call returned %v; want it to wait", err)
			default:
			}
			free(streams[0].stop, &refuse)
			if err := <-got; err != nil {
				t.Error(err)
			}
			stopAll(streams)
		})
	}
}

// TestUnhealthyConnectionsTakeNoCalls has a proxy in front of a healthy and an unhealthy server.
func TestUnhealthyConnectionsTakeNoCalls(t *testing.T) {
	servicetest.NoLeaks(t)
	limit := grpc.MaxConcurrentStreams(5)
	healthy, sick := serve(t, "127.0.0.1:0", limit), serve(t, "127.0.0.1:0", limit)
	sick.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	var dials atomic.Int64
	c := dial(t, setup{connections: 2, child: roundRobin, health: true}, []string{"127.0.0.1:1"}, grpc.WithContextDialer(
		func(ctx context.Context, _ string) (net.Conn, error) {
			addr := healthy.addr
			if dials.Add(1) > 1 {
				addr = sick.addr
			}
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}))
	stop := c.storm(20)
	eventually(t, "calls, and a connection to the sick server", func() bool {
		return healthy.calls.Load() > 500 && sick.open.Load() == 1
	})
	if calls, errs := stop(); len(errs) > 0 {
		t.Errorf("%d of %d calls failed: %v", len(errs), calls, errs[0])
	}
	if n := sick.calls.Load(); n > 0 {
		t.Errorf("%d calls reached the unhealthy server", n)
	}
	sick.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_SERVING)
	stop = c.storm(20)
	eventually(t, "calls of both", func() bool { return sick.calls.Load() > 100 })
	healthy.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	before := sick.calls.Load()
	eventually(t, "calls of the other", func() bool { return sick.calls.Load() > before+100 })
	if calls, errs := stop(); len(errs) > 0 {
		t.Errorf("%d of %d calls failed: %v", len(errs), calls, errs[0])
	}
}

// TestServersChangeWhileCallsRun changes the list of servers as fast as it can.
func TestServersChangeWhileCallsRun(t *testing.T) {
	servicetest.NoLeaks(t)
	limit := grpc.MaxConcurrentStreams(4)
	var addrs []string
	var servers []*backend
	for range 3 {
		b := serve(t, "127.0.0.1:0", limit)
		servers, addrs = append(servers, b), append(addrs, b.addr)
	}
	for _, child := range []string{roundRobin, leastRequest, pickFirst} {
		t.Run(child, func(t *testing.T) {
			c := dial(t, setup{connections: 3, child: child, idle: 10 * time.Millisecond}, addrs)
			stop := c.storm(25)
			lists := [][]string{addrs, addrs[:1], addrs[1:], addrs[1:2], addrs[:2]}
			for i := range 300 {
				c.addrs.UpdateState(stateOf(lists[i%len(lists)]))
				if i%10 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			c.addrs.UpdateState(stateOf(addrs[:1]))
			if calls, errs := stop(); len(errs) > 0 {
				t.Errorf("%d of %d calls failed: %v", len(errs), calls, errs[0])
			}
			for i, want := range []int64{1, 0, 0} {
				eventually(t, "the connections that are needed", func() bool { return servers[i].open.Load() == want })
			}
			c.Close()
		})
	}
}

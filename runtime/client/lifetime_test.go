package client_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

// wire is a network with one server, for the connections of a bubble. Clients reach the server
// through a proxy, which can fail.
type wire struct {
	lis     *bufconn.Listener
	dials   atomic.Int32
	refuses atomic.Bool // connections
	mute    atomic.Bool // accepts connections and answers nothing

	mu    sync.Mutex
	conns []net.Conn
	lost  *atomic.Bool // whether the connections that are open lose what either side sends
}

func newWire(t *testing.T) *wire {
	w, srv := &wire{lis: bufconn.Listen(1 << 20), lost: new(atomic.Bool)}, grpc.NewServer()
	healthpb.RegisterHealthServer(srv, health.NewServer())
	go srv.Serve(w.lis) // until Stop
	t.Cleanup(func() {
		srv.Stop()
		w.reset()
	})
	return w
}

// dial connects a client through the proxy.
func (w *wire) dial(t *testing.T, opts ...client.Option) *client.Conn {
	t.Helper()
	return dial(t, "static:///a:1", append(opts, client.WithDialOptions(grpc.WithContextDialer(w.connect)))...)
}

func (w *wire) connect(ctx context.Context, _ string) (net.Conn, error) {
	w.dials.Add(1)
	if w.refuses.Load() {
		return nil, errors.New("connection refused")
	}
	near, far := net.Pipe()
	w.keep(near, far)
	if w.mute.Load() {
		go forward(far, nil, nil)
		return near, nil
	}
	server, err := w.lis.DialContext(ctx)
	if err != nil {
		return nil, err
	}
	lost := w.keep(server)
	go forward(far, server, lost)
	go forward(server, far, lost)
	return near, nil
}

func (w *wire) keep(conns ...net.Conn) (lost *atomic.Bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, conns...)
	return w.lost
}

// lose makes the connections that are open lose what either side sends. New ones work, so that a
// client may connect again at once.
func (w *wire) lose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost.Store(true)
	w.lost = new(atomic.Bool)
}

// reset closes all connections.
func (w *wire) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// forward copies what from sends, unless it is lost.
func forward(from, to net.Conn, lost *atomic.Bool) {
	for buf := make([]byte, 1<<15); ; {
		n, err := from.Read(buf)
		if err != nil {
			if to != nil {
				_ = to.Close()
			}
			return
		}
		if to != nil && !lost.Load() {
			_, _ = to.Write(buf[:n])
		}
	}
}

// failsLate opens a stream, loses the connection without closing it, and returns how long the stream
// took to fail.
func (w *wire) failsLate(t *testing.T, conn *client.Conn) time.Duration {
	t.Helper()
	stream, err := healthpb.NewHealthClient(conn).Watch(t.Context(), new(healthpb.HealthCheckRequest))
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	w.lose()
	start := time.Now()
	_, err = stream.Recv()
	wantUnavailable(t, err, "keepalive ping failed to receive ACK within timeout")
	return time.Since(start)
}

func wantUnavailable(t *testing.T, err error, text string) {
	t.Helper()
	if status.Code(err) != codes.Unavailable || !strings.Contains(status.Convert(err).Message(), text) {
		t.Errorf("got %v, want %v: %s", err, codes.Unavailable, text)
	}
}

// TestKeepaliveFindsDeadConnections checks the times of the docs, for a server that vanishes
// without a RST during a call and before one.
func TestKeepaliveFindsDeadConnections(t *testing.T) {
	for name, test := range map[string]struct {
		opts             []client.Option
		silence, timeout time.Duration
	}{
		"default": {nil, client.KeepaliveTime, client.KeepaliveTimeout},
		"minimum": {[]client.Option{client.WithKeepalive(client.MinKeepaliveTime, time.Second)},
			client.MinKeepaliveTime, time.Second},
		"longer": {[]client.Option{client.WithKeepalive(10*time.Minute, time.Minute)}, 10 * time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWire(t)
				conn := w.dial(t, test.opts...)
				if took := w.failsLate(t, conn); took > test.silence+test.timeout {
					t.Errorf("found after %v, want %v", took, test.silence+test.timeout)
				}
				if err := check(t.Context(), conn, grpc.WaitForReady(true)); err != nil {
					t.Errorf("after it is back: %v", err)
				}
				time.Sleep(2*test.silence + test.timeout) // without calls, so without pings
				w.lose()
				start := time.Now()
				wantUnavailable(t, check(t.Context(), conn), "keepalive ping failed")
				if took := time.Since(start); took > test.timeout {
					t.Errorf("after silence, found after %v, want %v", took, test.timeout)
				}
			})
		})
	}
}

func TestIdleTimeout(t *testing.T) {
	for name, test := range map[string]struct {
		opts  []client.Option
		after time.Duration // 0: never
	}{
		"default": {nil, client.IdleTimeout},
		"shorter": {[]client.Option{client.WithIdleTimeout(time.Minute)}, time.Minute},
		"never":   {[]client.Option{client.WithIdleTimeout(0)}, 0},
		"watched": {[]client.Option{client.WithHealthChecks()}, client.IdleTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWire(t)
				conn := w.dial(t, test.opts...)
				if err := check(t.Context(), conn); err != nil {
					t.Fatal(err)
				}
				time.Sleep(test.after - time.Second)
				if got := conn.GetState(); got != connectivity.Ready {
					t.Errorf("before it is idle, it is %v", got)
				}
				time.Sleep(25 * time.Hour)
				want := connectivity.Idle
				if test.after == 0 {
					want = connectivity.Ready
				}
				if got := conn.GetState(); got != want {
					t.Errorf("it is %v, want %v", got, want)
				}
				if err := check(t.Context(), conn); err != nil {
					t.Errorf("after it was idle: %v", err)
				}
			})
		})
	}
}

// TestReconnectBackoff counts the attempts to connect in ten minutes.
func TestReconnectBackoff(t *testing.T) {
	for name, test := range map[string]struct {
		opts     []client.Option
		min, max int32
	}{
		"default": {nil, 48, 80}, // 13 with grpc's two minutes
		"shorter": {[]client.Option{client.WithReconnectBackoff(time.Second, 2*time.Second)}, 250, 400},
		"longer":  {[]client.Option{client.WithReconnectBackoff(time.Minute, time.Hour)}, 4, 7},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWire(t)
				w.refuses.Store(true)
				conn := w.dial(t, test.opts...)
				conn.Connect()
				time.Sleep(10 * time.Minute)
				if got := w.dials.Load(); got < test.min || got > test.max {
					t.Errorf("%d attempts, want %d to %d", got, test.min, test.max)
				}
			})
		})
	}
}

// TestServersThatDoNotAnswer has a server that refuses connections, one that accepts them and says
// nothing, and one that closes them after each call.
func TestServersThatDoNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		conn := w.dial(t)
		w.refuses.Store(true)
		start := time.Now()
		wantUnavailable(t, check(t.Context(), conn), "connection refused")
		if took := time.Since(start); took > time.Second {
			t.Errorf("a refusal was found after %v", took)
		}
		w.refuses.Store(false)
		w.mute.Store(true)
		time.Sleep(5 * time.Minute)
		wantUnavailable(t, check(t.Context(), conn), "error reading server preface")
		w.mute.Store(false)
		if err := check(t.Context(), conn, grpc.WaitForReady(true)); err != nil {
			t.Error(err)
		}
		for range 20 {
			if err := check(t.Context(), conn); err != nil {
				t.Error(err)
			}
			w.reset()
			synctest.Wait()
		}
	})
}

// TestFirstCallOfAServerThatDoesNotAnswer checks that the first call does not wait longer than a
// connection may take.
func TestFirstCallOfAServerThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.mute.Store(true)
		conn := w.dial(t)
		start := time.Now()
		wantUnavailable(t, check(t.Context(), conn), "error reading server preface")
		if took := time.Since(start); took > 21*time.Second {
			t.Errorf("failed after %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := check(ctx, w.dial(t)); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v, want %v", err, codes.DeadlineExceeded)
		}
	})
}

// TestWaitForReady has calls of a generated client that wait for a server, or do not.
func TestWaitForReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.refuses.Store(true)
		conn := w.dial(t)
		service := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
		_, err := service.One(t.Context(), &text{})
		wantUnavailable(t, err, "connection refused")
		waiting := client.WaitForReady(t.Context())
		for name, call := range map[string]func(context.Context) error{
			"unary": func(ctx context.Context) error { _, err := service.One(ctx, &text{}); return err },
			"stream": func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, client.DefaultTimeout)
				defer cancel()
				_, err := echotest.Gather(service.Many(ctx, &text{}))
				return err
			},
		} {
			start := time.Now()
			err := call(waiting)
			if status.Code(err) != codes.DeadlineExceeded || !strings.Contains(err.Error(), "connection refused") {
				t.Errorf("%s: got %v, want %v with the reason", name, err, codes.DeadlineExceeded)
			}
			if took := time.Since(start); took != client.DefaultTimeout {
				t.Errorf("%s: it waited %v, want %v", name, took, client.DefaultTimeout)
			}
			ended := make(chan error, 1)
			go func() { ended <- call(waiting) }()
			time.Sleep(10 * time.Second)
			w.refuses.Store(false)
			if err := <-ended; status.Code(err) != codes.Unimplemented {
				t.Errorf("%s: got %v, want what the server returned", name, err)
			}
			w.refuses.Store(true)
			w.reset()
			synctest.Wait()
		}
	})
}

func TestDialRejectsTimes(t *testing.T) {
	for want, opt := range map[string]client.Option{
		"WithKeepalive(9.999s, 1s): pass at least 10s of silence, and a timeout above 0":    client.WithKeepalive(9999*time.Millisecond, time.Second),
		"WithKeepalive(10s, 0s): pass at least 10s of silence, and a timeout above 0":       client.WithKeepalive(10*time.Second, 0),
		"WithIdleTimeout(-1ns): pass a time above 0, or 0 to stay connected":                client.WithIdleTimeout(-1),
		"WithReconnectBackoff(0s, 1s): pass a time above 0, and one that is not shorter":    client.WithReconnectBackoff(0, time.Second),
		"WithReconnectBackoff(1s, 999ms): pass a time above 0, and one that is not shorter": client.WithReconnectBackoff(time.Second, 999*time.Millisecond),
		"WithUnaryInterceptors: an interceptor is nil":                                      client.WithUnaryInterceptors(nil),
		"WithStreamInterceptors: an interceptor is nil":                                     client.WithStreamInterceptors(nil),
	} {
		_, err := client.Dial("a:1", client.WithInsecure(), opt)
		if err == nil || err.Error() != `cannot dial "a:1": `+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

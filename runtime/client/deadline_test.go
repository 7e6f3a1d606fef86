package client_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// deadlineConn notes how much time its calls have; below 0 is no limit.
type deadlineConn struct{ left time.Duration }

func (c *deadlineConn) note(ctx context.Context) {
	c.left = -1
	if deadline, ok := ctx.Deadline(); ok {
		c.left = time.Until(deadline)
	}
}

func (c *deadlineConn) Invoke(ctx context.Context, _ string, _, _ any, _ ...grpc.CallOption) error {
	c.note(ctx)
	return nil
}

func (c *deadlineConn) NewStream(ctx context.Context, _ *grpc.StreamDesc, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	c.note(ctx)
	return nil, status.Error(codes.Unavailable, "this connection has no streams")
}

func TestDeadlineOfCalls(t *testing.T) {
	const none, unlimited = 0, -1
	for name, test := range map[string]struct {
		policy       runtime.Policy
		own          time.Duration // of the caller's context
		unary, other time.Duration
	}{
		"nothing is said":       {runtime.Policy{}, none, server.DefaultTimeout, unlimited},
		"the policy's":          {runtime.Policy{Timeout: time.Second, TotalTimeout: time.Hour}, none, time.Second, time.Hour},
		"none by policy":        {runtime.Policy{Timeout: runtime.None, TotalTimeout: runtime.None}, none, unlimited, unlimited},
		"the longest":           {runtime.Policy{MaxTimeout: time.Second}, none, time.Second, unlimited},
		"a long one":            {runtime.Policy{MaxTimeout: time.Hour}, none, server.DefaultTimeout, unlimited},
		"a sooner one":          {runtime.Policy{Timeout: time.Minute, TotalTimeout: time.Hour}, time.Second, time.Second, time.Second},
		"a later one":           {runtime.Policy{Timeout: time.Second, TotalTimeout: time.Hour}, 2 * time.Hour, 2 * time.Hour, time.Hour},
		"one where none is set": {runtime.Policy{Timeout: runtime.None}, time.Second, time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := context.Background()
				if test.own > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.own)
					defer cancel()
				}
				conn := new(deadlineConn)
				stub := echotest.Client{Rows: echotest.RowsOf(echotest.TableWith(test.policy), conn)}
				if _, _ = stub.One(ctx, nil); conn.left != test.unary {
					t.Errorf("One has %v, want %v", conn.left, test.unary)
				}
				for name, call := range streamCalls(stub) {
					if call(ctx); conn.left != test.other {
						t.Errorf("%s has %v, want %v", name, conn.left, test.other)
					}
				}
			})
		})
	}
}

// streamCalls are calls of all RPCs with a stream.
func streamCalls(stub echotest.Service) map[string]func(context.Context) {
	return map[string]func(context.Context){
		"Many": func(ctx context.Context) { _, _ = echotest.Gather(stub.Many(ctx, nil)) },
		"Join": func(ctx context.Context) { _, _ = stub.Join(ctx, echotest.Texts()) },
		"Chat": func(ctx context.Context) { _, _ = echotest.Gather(stub.Chat(ctx, echotest.Texts())) },
	}
}

// serveEcho serves impl in memory, on the clock of a synctest bubble, and returns a connection and
// what ends both.
func serveEcho(t *testing.T, impl echotest.Service, opts ...client.Option) (*grpc.ClientConn, func()) {
	t.Helper()
	srv := server.New(server.WithDrainDelay(0))
	server.Register[echotest.Service](srv, echotest.Table, impl)
	lis := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), lis) }()
	conn, err := client.Dial("passthrough:///memory", append(opts, client.WithInsecure(),
		client.WithDialOptions(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) })))...)
	if err != nil {
		t.Fatal(err)
	}
	return conn.ClientConn, func() {
		conn.Close()
		_ = srv.Shutdown(context.Background())
		<-served
	}
}

// TestMarginLeavesTimeToAnswer has a server answer for another that is too slow, before its own
// caller gives up.
func TestMarginLeavesTimeToAnswer(t *testing.T) {
	for total, margin := range map[time.Duration]time.Duration{time.Second: client.DeadlineMargin, 100 * time.Millisecond: 10 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			slow, endSlow := serveEcho(t, echotest.Funcs{OneFunc: func(ctx context.Context, _ *text) (*text, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}})
			defer endSlow()
			upstream := echotest.Client{Rows: echotest.RowsOf(echotest.Table, slow)}
			conn, end := serveEcho(t, echotest.Funcs{OneFunc: func(ctx context.Context, req *text) (*text, error) {
				begin := time.Now()
				_, err := upstream.One(ctx, req)
				if took := time.Since(begin); took != total-margin || status.Code(err) != codes.DeadlineExceeded {
					t.Errorf("the call of %v took %v and ended with %v", total, took, err)
				}
				return wrapperspb.String("from the cache"), nil
			}})
			defer end()
			ctx, cancel := context.WithTimeout(context.Background(), total)
			defer cancel()
			if resp, err := (echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}).One(ctx, &text{}); resp.GetValue() != "from the cache" {
				t.Errorf("got %v, %v", resp, err)
			}
		})
	}
}

// TestMarginIsForTheServerCallAlone checks that deadlines of the method's own are left as they are.
func TestMarginIsForTheServerCallAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		downstream := new(deadlineConn)
		stub := echotest.Client{Rows: echotest.RowsOf(echotest.TableWith(runtime.Policy{Timeout: time.Minute}), downstream)}
		conn, end := serveEcho(t, echotest.Funcs{OneFunc: func(ctx context.Context, _ *text) (*text, error) {
			sooner, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			detached := context.WithoutCancel(ctx)
			later, cancel := context.WithTimeout(detached, time.Hour)
			defer cancel()
			for name, test := range map[string]struct {
				ctx  context.Context
				want time.Duration
			}{
				"its own":                    {ctx, 10*time.Second - client.DeadlineMargin},
				"a sooner one":               {sooner, time.Second},
				"detached":                   {detached, time.Minute},
				"detached, with a later one": {later, time.Hour},
			} {
				if _, _ = stub.One(test.ctx, nil); downstream.left != test.want {
					t.Errorf("%s: %v, want %v", name, downstream.left, test.want)
				}
			}
			return &text{}, nil
		}})
		defer end()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := (echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}).One(ctx, &text{}); err != nil {
			t.Error(err)
		}
	})
}

// TestTotalTimeoutEndsStreams holds the longest time of a stream against a server that goes on.
func TestTotalTimeoutEndsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, end := serveEcho(t, echotest.Funcs{ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
			return func(yield func(*text, error) bool) {
				if yield(wrapperspb.String("first"), nil) {
					<-ctx.Done()
					yield(nil, ctx.Err())
				}
			}
		}})
		defer end()
		begin := time.Now()
		stub := echotest.Client{Rows: echotest.RowsOf(echotest.TableWith(runtime.Policy{TotalTimeout: time.Minute}), conn)}
		wantEnd(t, stub.Many(context.Background(), &text{}), codes.DeadlineExceeded, "first")
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("the stream took %v", took)
		}
	})
}

// TestCallTimeout checks the default deadline that a program has set.
func TestCallTimeout(t *testing.T) {
	const unlimited = -1
	for name, test := range map[string]struct {
		policy       runtime.Policy
		timeout      time.Duration
		unary, other time.Duration
	}{
		"set":                  {runtime.Policy{}, time.Second, time.Second, unlimited},
		"none":                 {runtime.Policy{}, 0, unlimited, unlimited},
		"below zero":           {runtime.Policy{}, -time.Second, unlimited, unlimited},
		"the policy's is used": {runtime.Policy{Timeout: time.Minute}, time.Second, time.Minute, unlimited},
		"none by policy":       {runtime.Policy{Timeout: runtime.None}, time.Second, unlimited, unlimited},
		"beyond the longest":   {runtime.Policy{MaxTimeout: time.Second}, time.Minute, time.Second, unlimited},
		"none, but a longest":  {runtime.Policy{MaxTimeout: time.Second}, 0, time.Second, unlimited},
	} {
		synctest.Test(t, func(t *testing.T) {
			conn := new(deadlineConn)
			timed := client.WithCallTimeout(client.WithCallTimeout(conn, time.Hour), test.timeout)
			stub := echotest.Client{Rows: echotest.RowsOf(echotest.TableWith(test.policy), timed)}
			if _, _ = stub.One(context.Background(), nil); conn.left != test.unary {
				t.Errorf("%s: One has %v, want %v", name, conn.left, test.unary)
			}
			for kind, call := range streamCalls(stub) {
				if call(context.Background()); conn.left != test.other {
					t.Errorf("%s: %s has %v, want %v", name, kind, conn.left, test.other)
				}
			}
		})
	}
}

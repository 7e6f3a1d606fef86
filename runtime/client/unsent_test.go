package client_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// sticking is a connection whose writes block from some time on, until it is closed.
type sticking struct {
	net.Conn
	sticks  atomic.Bool
	blocked chan struct{} // has a value when a write blocks
	closed  chan struct{}
	once    sync.Once
}

func (c *sticking) Write(p []byte) (int, error) {
	if c.sticks.Load() {
		select {
		case c.blocked <- struct{}{}:
		default:
		}
		<-c.closed
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

func (c *sticking) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// TestCallsThatWereNotSent breaks a connection after a call has started and before anything of it
// was sent. grpc retries such a call. The method must not take the requests that were there at that
// time for all requests: the call fails, or the method has received all of them.
func TestCallsThatWereNotSent(t *testing.T) {
	join := func(reqs runtime.Stream[text]) (*text, error) {
		var all []string
		for req, err := range reqs {
			if err != nil {
				return nil, err
			}
			all = append(all, req.GetValue())
		}
		return wrapperspb.String(strings.Join(all, " ")), nil
	}
	var called atomic.Int64
	srv := server.New(server.WithDrainDelay(0))
	server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{}), echotest.Funcs{
		OneFunc: func(context.Context, *text) (*text, error) { return &text{}, nil },
		JoinFunc: func(_ context.Context, reqs runtime.Stream[text]) (*text, error) {
			called.Add(1)
			return join(reqs)
		},
		ChatFunc: func(_ context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
			called.Add(1)
			return func(yield func(*text, error) bool) { yield(join(reqs)) }
		},
	})
	addr := echotest.ListenAndServe(t, srv)
	for kind, call := range map[string]func(context.Context, echotest.Client, runtime.Stream[text]) (*text, error){
		"Join": func(ctx context.Context, c echotest.Client, reqs runtime.Stream[text]) (*text, error) {
			return c.Join(ctx, reqs)
		},
		"Chat": func(ctx context.Context, c echotest.Client, reqs runtime.Stream[text]) (*text, error) {
			for resp, err := range c.Chat(ctx, reqs) {
				return resp, err
			}
			return nil, nil
		},
	} {
		t.Run(kind, func(t *testing.T) {
			for range 20 {
				called.Store(0)
				conn, unsent := stuck(t, addr)
				resp, err := call(t.Context(), echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)},
					func(yield func(*text, error) bool) {
						unsent()
						for _, value := range []string{"a", "b", "c"} {
							if !yield(wrapperspb.String(value), nil) {
								return
							}
						}
					})
				if all := err == nil && resp.GetValue() == "a b c"; !all && status.Code(err) != codes.Unavailable {
					t.Fatalf("got %q, %v, after %d calls of the method", resp.GetValue(), err, called.Load())
				}
				conn.Close()
			}
		})
	}
}

// stuck returns a connection that sends nothing more, and a function that ends it, after which
// another one takes its place.
func stuck(t *testing.T, addr string) (conn *grpc.ClientConn, end func()) {
	t.Helper()
	var first *sticking
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
			if err != nil || first != nil {
				return conn, err
			}
			first = &sticking{Conn: conn, blocked: make(chan struct{}, 1), closed: make(chan struct{})}
			return first, nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := echotest.Kinds["One"](t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	first.sticks.Store(true)
	go func() { _ = echotest.Kinds["One"](t.Context(), conn) }() // what follows it is not sent
	echotest.Within(t, first.blocked)
	return conn, func() {
		first.Close()
		conn.WaitForStateChange(t.Context(), connectivity.Ready)
		time.Sleep(time.Millisecond) // most calls have noticed then
	}
}

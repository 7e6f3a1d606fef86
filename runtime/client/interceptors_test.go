package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// notes are what interceptors and others did, in order.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, fmt.Sprintf(format, args...))
}

func (n *notes) want(t *testing.T, want ...string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Equal(n.list, want) {
		t.Errorf("got %q, want %q", n.list, want)
	}
	n.list = nil
}

// unary returns an interceptor that notes calls, and the code that they end with.
func (n *notes) unary(name string) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, resp any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		n.add("%s in%s", name, compression(opts))
		err := invoke(ctx, method, req, resp, cc, opts...)
		n.add("%s out %v", name, status.Code(err))
		return err
	}
}

func (n *notes) stream(name string) grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		n.add("%s in%s", name, compression(opts))
		stream, err := open(ctx, desc, cc, method, opts...)
		n.add("%s out %v", name, status.Code(err))
		return stream, err
	}
}

// compression returns the compressor that options select.
func compression(opts []grpc.CallOption) string {
	for _, opt := range opts {
		if c, ok := opt.(grpc.CompressorCallOption); ok {
			return " " + c.CompressorType
		}
	}
	return ""
}

// Bind makes notes an observer.
func (n *notes) Bind(runtime.MethodInfo) runtime.MethodObserver { return n }

func (n *notes) Begin(ctx context.Context, _ runtime.Call) context.Context {
	n.add("observer in")
	return ctx
}

func (n *notes) End(_ context.Context, _ runtime.Call, o runtime.Outcome) {
	n.add("observer out %v", status.Code(o.Err))
}

// connected returns a client of impl whose methods have a policy.
func connected(t *testing.T, impl echotest.Service, p runtime.Policy, opts ...client.Option) echotest.Client {
	t.Helper()
	servicetest.NoLeaks(t)
	table := echotest.TableWith(p)
	srv := server.New(server.WithDrainDelay(0))
	server.Register[echotest.Service](srv, table, impl)
	conn := dial(t, echotest.ListenAndServe(t, srv), append(opts, client.WithServiceConfig(table))...)
	return echotest.Client{Rows: echotest.RowsOf(table, conn)}
}

// TestInterceptorsAndRetries checks the order of the docs: observers, interceptors in their order,
// compression, those of grpc's options, and then all attempts of grpc.
func TestInterceptorsAndRetries(t *testing.T) {
	var n notes
	var attempts atomic.Int32
	service := connected(t, echotest.Behaving(func(context.Context) error {
		if attempts.Add(1) < 3 {
			return status.Error(codes.Unavailable, "not yet")
		}
		return nil
	}), echotest.RetryQuickly,
		client.WithRequestCompression(0),
		client.WithDialOptions(grpc.WithChainUnaryInterceptor(n.unary("c")), grpc.WithChainStreamInterceptor(n.stream("c"))),
		client.WithUnaryInterceptors(n.unary("a")), client.WithUnaryInterceptors(n.unary("b")),
		client.WithStreamInterceptors(n.stream("a"), n.stream("b")),
		client.WithObservers(&n))
	if _, err := service.One(echotest.Context(t), &text{Value: "x"}); err != nil {
		t.Error(err)
	}
	n.want(t, "observer in", "a in", "b in", "c in "+gzip.Name, "c out OK", "b out OK", "a out OK", "observer out OK")
	if got := attempts.Swap(0); got != 3 {
		t.Errorf("%d attempts, want 3", got)
	}
	if _, err := service.Join(echotest.Context(t), echotest.Texts("x")); err != nil {
		t.Error(err)
	}
	n.want(t, "observer in", "a in", "b in", "c in "+gzip.Name, "c out OK", "b out OK", "a out OK", "observer out OK")
	if got := attempts.Load(); got != 3 {
		t.Errorf("%d attempts of a stream, want 3", got)
	}
}

// TestInterceptorsAndHedges checks that each hedge passes through the interceptors.
func TestInterceptorsAndHedges(t *testing.T) {
	var mu sync.Mutex
	var previous []string
	var ids []string
	all := make(chan struct{})
	service := connected(t, echotest.Behaving(func(ctx context.Context) error {
		select {
		case <-all:
		case <-ctx.Done():
		}
		return ctx.Err()
	}), runtime.Policy{Idempotency: runtime.NoSideEffects, Hedging: runtime.Hedging{MaxAttempts: 3, Delay: time.Millisecond}},
		client.WithUnaryInterceptors(func(ctx context.Context, method string, req, resp any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			md, _ := metadata.FromOutgoingContext(ctx)
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > client.DefaultTimeout {
				t.Errorf("the deadline is %v", deadline)
			}
			mu.Lock()
			previous = append(previous, strings.Join(md.Get("grpc-previous-rpc-attempts"), ","))
			ids = append(ids, md.Get("x-request-id")...)
			if len(previous) == 3 {
				close(all)
			}
			mu.Unlock()
			return invoke(ctx, method, req, resp, cc, opts...)
		}))
	if _, err := service.One(echotest.Context(t), &text{}); err != nil {
		t.Error(err)
	}
	slices.Sort(previous)
	if !slices.Equal(previous, []string{"", "1", "2"}) {
		t.Errorf("the attempts had %q previous ones", previous)
	}
	if len(ids) != 3 || ids[0] == "" || ids[0] != ids[1] || ids[0] != ids[2] {
		t.Errorf("the request IDs are %q", ids)
	}
}

// TestInterceptorsThatFail checks that the error of an interceptor is that of the call, and that
// observers see it.
func TestInterceptorsThatFail(t *testing.T) {
	var n notes
	service := connected(t, echotest.Behaving(func(context.Context) error {
		t.Error("the server was called")
		return nil
	}), echotest.RetryQuickly, client.WithObservers(&n),
		client.WithUnaryInterceptors(func(context.Context, string, any, any, *grpc.ClientConn, grpc.UnaryInvoker, ...grpc.CallOption) error {
			return status.Error(codes.Unavailable, "not today")
		}),
		client.WithStreamInterceptors(func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, grpc.Streamer, ...grpc.CallOption) (grpc.ClientStream, error) {
			return nil, errors.New("not a status")
		}))
	_, err := service.One(echotest.Context(t), &text{})
	wantUnavailable(t, err, "not today")
	n.want(t, "observer in", "observer out Unavailable")
	_, err = echotest.Gather(service.Many(echotest.Context(t), &text{}))
	if err == nil || !strings.Contains(err.Error(), "not a status") {
		t.Errorf("got %v", err)
	}
	n.want(t, "observer in", "observer out "+status.Code(err).String())
}

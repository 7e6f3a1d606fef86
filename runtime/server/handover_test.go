package server_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestNoCallFailsWhenAServerDrains shuts down one of two servers under load. Its GOAWAY precedes the
// wait for running calls, so clients use the other server, and no call fails: not even without a
// drain delay, and without retries.
func TestNoCallFailsWhenAServerDrains(t *testing.T) {
	balancers := map[string]client.Balancer{"pick first": client.PickFirst(), "round robin": client.RoundRobin()}
	for name, balancer := range balancers {
		for _, delay := range []time.Duration{0, 20 * time.Millisecond} {
			t.Run(name+" "+delay.String(), func(t *testing.T) { drainUnderLoad(t, balancer, delay) })
		}
	}
}

// drainUnderLoad calls two servers from several goroutines, and shuts down one of them.
func drainUnderLoad(t *testing.T, balancer client.Balancer, delay time.Duration) {
	var counts [2]atomic.Int64
	drained, addrs := make([]*server.Server, 2), make([]string, 2)
	for i := range addrs {
		drained[i] = server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(delay))
		server.Register[echotest.Service](drained[i], echotest.Table, counting(&counts[i]))
		addrs[i] = echotest.ListenAndServe(t, drained[i])
	}
	conn := echotest.DialAll(t, addrs, client.WithBalancer(balancer), client.WithDialOptions(grpc.WithDisableRetry()))
	stub, ctx := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}, echotest.Context(t)

	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := stub.One(ctx, new(text)); err != nil {
					t.Errorf("a call failed: %v", err)
					return
				}
				if values, err := echotest.Gather(stub.Many(ctx, new(text))); err != nil || len(values) != 3 {
					t.Errorf("a stream failed after %d messages: %v", len(values), err)
					return
				}
			}
		})
	}
	defer callers.Wait()
	defer close(stop)
	rises(t, &counts[0])
	if err := drained[0].Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	rises(t, &counts[1])
}

// counting returns an implementation that counts its calls.
func counting(calls *atomic.Int64) echotest.Funcs {
	return echotest.Funcs{
		OneFunc: func(context.Context, *text) (*text, error) {
			calls.Add(1)
			return wrapperspb.String("one"), nil
		},
		ManyFunc: func(context.Context, *text) runtime.Stream[text] {
			calls.Add(1)
			return echotest.Texts("a", "b", "c")
		},
	}
}

// rises waits until a server has got a hundred more calls.
func rises(t *testing.T, calls *atomic.Int64) {
	t.Helper()
	for from := calls.Load(); calls.Load() < from+100; time.Sleep(time.Millisecond) {
		if t.Failed() || t.Context().Err() != nil {
			t.FailNow()
		}
	}
}

package client_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/certtest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// listenHeld serves calls that run until release is closed, ten to a connection. started receives
// when one of them starts.
func listenHeld(t *testing.T, opts ...server.Option) (addr string, started chan struct{}, release func()) {
	t.Helper()
	started = make(chan struct{}, 1000)
	held := make(chan struct{})
	release = sync.OnceFunc(func() { close(held) })
	srv := server.New(append(opts, server.WithDrainDelay(0), server.WithLogger(slog.New(slog.DiscardHandler)),
		server.WithGRPCOptions(grpc.MaxConcurrentStreams(10)))...)
	server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{OneFunc: func(ctx context.Context, _ *text) (*text, error) {
		started <- struct{}{}
		select {
		case <-held:
			return new(text), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}})
	addr = echotest.ListenAndServe(t, srv)
	t.Cleanup(release)
	return addr, started, release
}

func TestConnections(t *testing.T) {
	ca := certtest.NewCA(t, "ca")
	serverTLS := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, "server").Certificate(t)}}
	clientTLS := client.WithTLS(&tls.Config{RootCAs: ca.Pool()})
	byPolicy := client.WithServiceConfig(echotest.Table.WithBalancing(policy.Balancing{Connections: 4}))
	four := client.WithConnections(4)
	for name, tt := range map[string]struct {
		opts   []client.Option
		server []server.Option
		calls  int // that run at once
	}{
		"default":        {[]client.Option{client.WithInsecure()}, nil, 10},
		"one":            {[]client.Option{client.WithInsecure(), client.WithConnections(1)}, nil, 10},
		"four":           {[]client.Option{client.WithInsecure(), four}, nil, 40},
		"by policy":      {[]client.Option{client.WithInsecure(), byPolicy}, nil, 40},
		"option wins":    {[]client.Option{client.WithInsecure(), byPolicy, client.WithConnections(2)}, nil, 20},
		"TLS":            {[]client.Option{clientTLS, four}, []server.Option{server.WithTLS(serverTLS)}, 40},
		"health checks":  {[]client.Option{client.WithInsecure(), four, client.WithHealthChecks()}, nil, 36},
		"pick first":     {[]client.Option{client.WithInsecure(), four, client.WithBalancer(client.PickFirst())}, nil, 40},
		"least request":  {[]client.Option{client.WithInsecure(), four, client.WithBalancer(client.LeastRequest())}, nil, 40},
		"same zone":      {[]client.Option{client.WithInsecure(), four, client.WithBalancer(client.SameZone("a", client.RoundRobin()))}, nil, 40},
		"zone and least": {[]client.Option{client.WithInsecure(), four, client.WithBalancer(client.SameZone("a", client.LeastRequest()))}, nil, 40},
	} {
		t.Run(name, func(t *testing.T) {
			servicetest.NoLeaks(t)
			addr, started, release := listenHeld(t, tt.server...)
			conn, err := client.Dial(addr, tt.opts...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			var calls sync.WaitGroup
			for range tt.calls {
				calls.Go(func() {
					if _, err := clientOf(conn).One(echotest.Context(t), &text{}); err != nil {
						t.Error(err)
					}
				})
			}
			for range tt.calls {
				echotest.Within(t, started)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := clientOf(conn).One(ctx, &text{}); status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("one more call: %v; want DEADLINE_EXCEEDED", err)
			}
			release()
			calls.Wait()
		})
	}
}

func TestConnectionsOutOfRange(t *testing.T) {
	for _, n := range []int{-1, 0, 65} {
		_, err := client.Dial("localhost:1", client.WithInsecure(), client.WithConnections(n))
		want := fmt.Sprintf("WithConnections(%d): pass 1 to 64", n)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %s", err, want)
		}
	}
}

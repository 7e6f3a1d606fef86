package server_test

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/test/bufconn"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestServersBearPings leaves a stream silent for twenty minutes, on a clock that takes no time.
// The pings of clients must not end it: those of ours, and those of a client that pings as often as
// grpc-go lets it.
func TestServersBearPings(t *testing.T) {
	if client.KeepaliveTime <= server.MinPingInterval {
		t.Errorf("our client pings every %v, our server allows %v", client.KeepaliveTime, server.MinPingInterval)
	}
	const often = 10 * time.Second // grpc-go raises what is less
	for name, opts := range map[string][]client.Option{
		"our client": nil,
		"with calls": {client.WithDialOptions(grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: often}))},
		"always":     {client.WithDialOptions(grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: often, PermitWithoutStream: true}))},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if err := silence(t, opts...); err != nil {
					t.Errorf("the stream ended with %v", err)
				}
			})
		})
	}
}

// TestServersEndFloodsOfPings pings each second.
func TestServersEndFloodsOfPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := server.New(server.WithDrainDelay(0))
		lis := bufconn.Listen(1 << 16)
		served := make(chan error, 1)
		go func() { served <- srv.Serve(context.Background(), lis) }()
		conn, err := lis.Dial()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
			t.Fatal(err)
		}
		framer := http2.NewFramer(conn, conn)
		if err := framer.WriteSettings(); err != nil {
			t.Fatal(err)
		}
		pinged := make(chan struct{})
		go func() {
			defer close(pinged)
			for framer.WritePing(false, [8]byte{}) == nil {
				time.Sleep(time.Second)
			}
		}()
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				t.Fatalf("the connection ended with %v, want GOAWAY", err)
			}
			if goAway, ok := frame.(*http2.GoAwayFrame); ok {
				if goAway.ErrCode != http2.ErrCodeEnhanceYourCalm {
					t.Errorf("GOAWAY %v, want ENHANCE_YOUR_CALM", goAway.ErrCode)
				}
				break
			}
		}
		conn.Close()
		<-pinged
		_ = srv.Shutdown(context.Background())
		<-served
	})
}

// silence returns what a stream without messages ends with, when the server ends it after twenty
// minutes.
func silence(t *testing.T, opts ...client.Option) error {
	t.Helper()
	srv := server.New(server.WithDrainDelay(0))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
		return func(func(*text, error) bool) {
			select {
			case <-time.After(20 * time.Minute):
			case <-ctx.Done():
			}
		}
	}})
	lis := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), lis) }()
	conn, err := client.Dial("passthrough:///memory", append(opts, client.WithInsecure(),
		client.WithDialOptions(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) })))...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = echotest.Gather(echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}.Many(context.Background(), &text{}))
	conn.Close()
	_ = srv.Shutdown(context.Background())
	<-served
	return err
}

package runtime_test

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
)

// TestServersBearPings leaves a stream silent for twenty minutes, on a clock that takes no time. The
// pings of clients must not end it: those of ours, and those of a client that pings as often as grpc-go
// lets it.
func TestServersBearPings(t *testing.T) {
	if runtime.ClientKeepaliveTime <= runtime.MinPingInterval {
		t.Errorf("our client pings every %v, our server allows %v", runtime.ClientKeepaliveTime, runtime.MinPingInterval)
	}
	const often = 10 * time.Second // grpc-go raises what is less
	for name, opts := range map[string][]runtime.DialOption{
		"our client": nil,
		"with calls": {runtime.WithDialOptions(grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: often}))},
		"always":     {runtime.WithDialOptions(grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: often, PermitWithoutStream: true}))},
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
		srv := runtime.NewServer(runtime.WithDrainDelay(0))
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

// silence returns what a stream without messages ends with, when the server ends it after twenty minutes.
func silence(t *testing.T, opts ...runtime.DialOption) error {
	t.Helper()
	srv := runtime.NewServer(runtime.WithDrainDelay(0))
	runtime.Register[echoService](srv, echoTable, echoFuncs{many: func(ctx context.Context, _ *text) runtime.Stream[text] {
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
	conn, err := runtime.Dial("passthrough:///memory", append(opts, runtime.WithInsecure(),
		runtime.WithDialOptions(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) })))...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = gather(echoClient{runtime.RowsOf(echoTable, conn)}.Many(context.Background(), &text{}))
	conn.Close()
	_ = srv.Shutdown(context.Background())
	<-served
	return err
}

package runtime_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/grpcservice/grpcservice/runtime"
)

// TestServersBearOurPings leaves a stream silent for twenty minutes, on a clock that takes no time. Pings of our client
// must not end it, while pings that are more frequent than servers allow do: so the first half of the test can fail.
func TestServersBearOurPings(t *testing.T) {
	if runtime.ClientKeepaliveTime <= runtime.MinPingInterval {
		t.Errorf("our client pings every %v, our server wants %v", runtime.ClientKeepaliveTime, runtime.MinPingInterval)
	}
	often := runtime.WithDialOptions(grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second}))
	for name, test := range map[string]struct {
		opts []runtime.DialOption
		want codes.Code
	}{
		"our client":                   {nil, codes.OK},
		"a client that pings greedily": {[]runtime.DialOption{often}, codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := silence(t, test.opts...)
				if status.Code(err) != test.want {
					t.Errorf("the stream ended with %v, want %v", err, test.want)
				}
				if err != nil && !strings.Contains(err.Error(), "too_many_pings") {
					t.Errorf("the stream ended with %v", err)
				}
			})
		})
	}
}

// silence returns what a stream without messages ends with, when the server ends it after twenty minutes.
func silence(t *testing.T, opts ...runtime.DialOption) error {
	t.Helper()
	srv := runtime.NewServer(runtime.WithDrainDelay(0))
	echoTable.Register(srv, echoFuncs{many: func(ctx context.Context, _ *text) runtime.Stream[text] {
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
	_, err = gather(echoClient{echoTable.Client(conn)}.Many(context.Background(), &text{}))
	conn.Close()
	_ = srv.Shutdown(context.Background())
	<-served
	return err
}

package web_test

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/certtest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// serveTLS serves impl over TLS on both addresses.
func serveTLS(t *testing.T, impl echotest.Service, c config) (*running, *tls.Config) {
	t.Helper()
	ca := certtest.NewCA(t, "ca")
	own := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, "server").Certificate(t)}}
	c.scheme, c.options = "https", append(c.options, server.WithTLS(own))
	return serve(t, impl, c), &tls.Config{RootCAs: ca.Pool()}
}

// openTLS is open for a server of serveTLS.
func openTLS(
	t *testing.T, r *running, trusted *tls.Config, started <-chan struct{},
) map[string]func() error {
	t.Helper()
	ends := make(map[string]func() error)
	for _, p := range protocols {
		transport := connecthttp.NewTransport(httpClient(t, p.two, trusted.Clone()), r.url, p.options...)
		stream, err := connect.NewClient(transport).
			CallServerStream(echotest.Context(t), spec("Many", connect.StreamTypeServer), text("a"))
		if err != nil {
			t.Fatal(err)
		}
		echotest.Within(t, started)
		ends[p.name] = func() error {
			_, err := drain(stream, nil)
			return err
		}
	}
	native, err := grpc.NewClient(r.Status().Addrs[0],
		grpc.WithTransportCredentials(credentials.NewTLS(trusted.Clone())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { native.Close() })
	desc := &grpc.StreamDesc{ServerStreams: true}
	stream, err := native.NewStream(echotest.Context(t), desc, "/test.v1.Echo/Many")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = stream.SendMsg(text("a")), stream.CloseSend() // the end has their errors
	echotest.Within(t, started)
	ends["gRPC"] = func() error {
		for {
			if err := stream.RecvMsg(new(Text)); err != nil {
				return echotest.EndOf(err)
			}
		}
	}
	return ends
}

// TestShutdownOverTLS notifies streams of both addresses over TLS, over each protocol.
func TestShutdownOverTLS(t *testing.T) {
	started := make(chan struct{}, 16)
	impl := echo
	impl.ManyFunc = func(ctx context.Context, _ *Text) runtime.Stream[Text] {
		return func(yield func(*Text, error) bool) {
			started <- struct{}{}
			if yield(text("1"), nil) {
				<-runtime.Draining(ctx)
				yield(nil, runtime.ErrDraining)
			}
		}
	}
	r, trusted := serveTLS(t, impl, config{options: []server.Option{
		server.WithShutdownTimeout(time.Minute),
	}})
	ends := openTLS(t, r, trusted, started)
	if err := r.stop(); err != nil { // within 20 s, or it has not ended
		t.Error(err)
	}
	for name, end := range ends {
		err := end()
		if rpcerr.ReasonOf(err) != rpcerr.ReasonDraining || status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestShutdownCutsStreamsOverTLS checks streams that do not watch for the drain: they are canceled
// within the budget, and the error names them. A method that does not even watch its context is
// left behind.
func TestShutdownCutsStreamsOverTLS(t *testing.T) {
	for name, test := range map[string]struct {
		deaf bool // to the context
		want string
	}{
		"canceled":    {false, "shutdown cut off calls that had not ended: test.v1.Echo/Many (9)"},
		"left behind": {true, "ignore their context: test.v1.Echo/Many (9)"},
	} {
		t.Run(name, func(t *testing.T) {
			started, release := make(chan struct{}, 16), make(chan struct{})
			impl := echo
			impl.ManyFunc = func(ctx context.Context, _ *Text) runtime.Stream[Text] {
				return func(yield func(*Text, error) bool) {
					started <- struct{}{}
					if !yield(text("1"), nil) {
						return
					}
					if test.deaf {
						<-release
						return
					}
					<-ctx.Done()
					yield(nil, ctx.Err())
				}
			}
			r, trusted := serveTLS(t, impl, config{options: []server.Option{
				server.WithShutdownTimeout(50 * time.Millisecond),
			}})
			ends := openTLS(t, r, trusted, started)
			start := time.Now()
			err := r.stop()
			close(release)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the shutdown returns %v", err)
			}
			// Too slow: connections were closed before the answers.
			cut := test.deaf || time.Since(start) > time.Second
			for name, end := range ends {
				err := end()
				answered := rpcerr.ReasonOf(err) == rpcerr.ReasonDraining &&
					status.Code(err) == codes.Unavailable
				if err == nil || !cut && !answered {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

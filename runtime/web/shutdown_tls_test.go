package web_test

import (
	"context"
	"crypto/tls"
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
	ca := certtest.NewCA(t, "ca")
	own := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, "server").Certificate(t)}}
	r := serve(t, impl, config{scheme: "https", options: []server.Option{
		server.WithTLS(own), server.WithShutdownTimeout(time.Minute),
	}})
	trusted := &tls.Config{RootCAs: ca.Pool()}
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
	defer native.Close()
	stream, err := native.NewStream(echotest.Context(t), &grpc.StreamDesc{ServerStreams: true}, "/test.v1.Echo/Many")
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
	if err := r.stop(); err != nil { // within 20 s, or it has not ended
		t.Error(err)
	}
	for name, end := range ends {
		if err := end(); rpcerr.ReasonOf(err) != rpcerr.ReasonDraining || status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

//go:build !race

// The race detector adds allocations.

package web_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/web"
)

// TestAllocations checks that a unary call allocates less than one of a server of connect that serves
// the same method and does nothing else: mostly because its context has no timer.
func TestAllocations(t *testing.T) {
	const framed = "\x00\x00\x00\x00\x03\x0a\x01a"
	ours, bare := serveAlone(t), serveBare(t)
	for _, test := range []struct {
		name, contentType, body string
		two                     bool
		fewer                   float64
	}{
		{"gRPC, HTTP/2", "application/grpc", framed, true, 4},
		{"gRPC-Web, HTTP/2", "application/grpc-web+proto", framed, true, 4},
		{"Connect, HTTP/2", "application/proto", "\x0a\x01a", true, 4},
		{"gRPC-Web, HTTP/1.1", "application/grpc-web+proto", framed, false, 4},
		{"Connect, HTTP/1.1", "application/proto", "\x0a\x01a", false, 4},
		{"Connect in JSON, HTTP/1.1", "application/json", `"a"`, false, 4},
	} {
		client := httpClient(t, test.two, nil)
		count := func(url string) float64 {
			return testing.AllocsPerRun(300, func() {
				callLike(t, client, url, test.contentType, test.body)
			})
		}
		if got, than := count(ours), count(bare); got > than-test.fewer {
			t.Errorf("%s: a call allocates %v times, one of connect %v times; want at least %v fewer",
				test.name, got, than, test.fewer)
		}
	}
}

// serveAlone serves a method without a policy on an address that only HTTP has.
func serveAlone(t *testing.T) (url string) {
	t.Helper()
	srv := server.New(web.ServeAlone(), server.WithDrainDelay(0),
		server.WithLogger(slog.New(slog.DiscardHandler)))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{
		OneFunc: func(_ context.Context, req *Text) (*Text, error) { return req, nil },
	})
	lis := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	t.Cleanup(func() {
		stop()
		if err := echotest.Within(t, served); err != nil {
			t.Error(err)
		}
	})
	return "http://" + lis.Addr().String()
}

// serveBare serves the same method with connect alone.
func serveBare(t *testing.T) (url string) {
	t.Helper()
	rpcs := connect.NewServer()
	rpcs.Register(connect.Method{
		Spec: spec("One", connect.StreamTypeUnary),
		Handler: func(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
			req := new(Text)
			if err := stream.Receive(req); err != nil {
				return err
			}
			return stream.Send(req)
		},
	})
	mux := http.NewServeMux()
	connecthttp.Mount(mux, rpcs, connecthttp.WithReadMaxBytes(server.MaxRecvMsgSize))
	srv := &http.Server{Handler: mux, Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	lis := listen(t)
	go srv.Serve(lis) // ends with Close
	t.Cleanup(func() { srv.Close() })
	return "http://" + lis.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return lis
}

// callLike calls a method with the headers that generated clients send.
func callLike(t *testing.T, client *http.Client, url, contentType, body string) {
	req, err := http.NewRequest(http.MethodPost, url+one, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{
		"Content-Type": {contentType}, "User-Agent": {"test"}, "Accept-Encoding": {"identity"},
		"Authorization": {"Bearer x"}, "X-Request-Id": {"0af7651916cd43dd8448eb211c80319c"},
	}
	if strings.HasPrefix(contentType, "application/grpc") {
		req.Header["Grpc-Timeout"] = []string{"20000m"}
		req.Header["Te"] = []string{"trailers"}
	} else {
		req.Header["Connect-Timeout-Ms"] = []string{"20000"}
		req.Header["Connect-Protocol-Version"] = []string{"1"}
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || len(got) == 0 {
		t.Fatalf("%s %q %v", resp.Status, got, err)
	}
}

package web_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	spb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/web"
)

func TestMain(m *testing.M) { echotest.Main(m) }

// Text is the message of all methods.
type Text = echotest.Text

func text(s string) *Text { return wrapperspb.String(s) }

// running is a server with both addresses.
type running struct {
	*server.Server
	grpc *grpc.ClientConn
	url  string // of the web address
	addr string
	stop func() error
}

// addresses is a handler of logs that learns the addresses of a server.
type addresses struct {
	slog.Handler
	web chan string
}

func (a addresses) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "serving" {
		r.Attrs(func(attr slog.Attr) bool {
			if attr.Key == "web_address" {
				a.web <- attr.Value.String()
			}
			return true
		})
	}
	if !a.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return a.Handler.Handle(ctx, r)
}

func (a addresses) Enabled(context.Context, slog.Level) bool { return true }

// config is what a test wants of its server.
type config struct {
	table   *runtime.Service[echotest.Service]
	web     []web.Option
	options []server.Option
	log     *echotest.Records
	scheme  string
}

// serve serves impl on both addresses until the test ends.
func serve(t *testing.T, impl echotest.Service, c config) *running {
	t.Helper()
	servicetest.NoLeaks(t)
	log := slog.DiscardHandler
	if c.log != nil {
		log = c.log.Logger(slog.LevelDebug).Handler()
	}
	found := make(chan string, 1)
	srv := server.New(append([]server.Option{
		server.WithDrainDelay(0), server.WithLogger(slog.New(addresses{log, found})),
		web.Serve("127.0.0.1:0", c.web...),
	}, c.options...)...)
	if c.table == nil {
		c.table = echotest.TableWith(runtime.Policy{Idempotency: runtime.NoSideEffects})
	}
	server.Register(srv, c.table, impl)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	r := &running{Server: srv}
	r.stop = sync.OnceValue(func() error {
		cancel()
		return echotest.Within(t, served)
	})
	t.Cleanup(func() { _ = r.stop() })
	select {
	case r.addr = <-found:
	case err := <-served:
		t.Fatal(err)
	}
	if c.scheme == "" {
		c.scheme = "http"
	}
	r.url = c.scheme + "://" + r.addr
	r.grpc = dial(t, lis.Addr().String())
	return r
}

// dial returns a connection of gRPC to a server of plain text.
func dial(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// httpClient returns a client of HTTP/1.1 or HTTP/2.
func httpClient(t *testing.T, two bool, config *tls.Config) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: config, DisableCompression: true}
	transport.Protocols.SetHTTP1(!two)
	transport.Protocols.SetHTTP2(two)
	transport.Protocols.SetUnencryptedHTTP2(two)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// protocol is a way to call a server over its web address.
type protocol struct {
	name    string
	two     bool // HTTP/2
	options []connecthttp.Option
}

var protocols = []protocol{
	{"Connect, JSON, HTTP/1.1", false, []connecthttp.Option{connecthttp.WithProtoJSON()}},
	{"Connect, JSON, HTTP/2", true, []connecthttp.Option{connecthttp.WithProtoJSON()}},
	{"Connect, binary, HTTP/1.1", false, nil},
	{"Connect, binary, HTTP/2, gzip", true, []connecthttp.Option{connecthttp.WithSendGzip()}},
	{"Connect, GET", false, []connecthttp.Option{connecthttp.WithHTTPGet()}},
	{"gRPC-Web, HTTP/1.1", false, []connecthttp.Option{connecthttp.WithGRPCWeb()}},
	{"gRPC-Web, HTTP/2", true, []connecthttp.Option{connecthttp.WithGRPCWeb()}},
	{"gRPC of connect", true, []connecthttp.Option{connecthttp.WithGRPC()}},
}

// connectClient is a client of the service over one protocol.
type connectClient struct{ *connect.Client }

// clientOf returns a client.
func (r *running) clientOf(t *testing.T, p protocol) connectClient {
	t.Helper()
	return connectClient{connect.NewClient(connecthttp.NewTransport(httpClient(t, p.two, nil), r.url, p.options...))}
}

func spec(name string, kind connect.StreamType) connect.Spec {
	return connect.Spec{Procedure: "/test.v1.Echo/" + name, StreamType: kind, IdempotencyLevel: connect.IdempotencyNoSideEffects}
}

// kinds calls each kind of RPC with two requests where there may be several, and returns what it
// responds and its error, as a status.
var kinds = map[string]func(context.Context, connectClient) ([]string, error){
	"One": func(ctx context.Context, c connectClient) ([]string, error) {
		var resp Text
		if err := c.CallUnary(ctx, spec("One", connect.StreamTypeUnary), text("a"), &resp); err != nil {
			return nil, statusOf(err)
		}
		return []string{resp.GetValue()}, nil
	},
	"Many": func(ctx context.Context, c connectClient) ([]string, error) {
		stream, err := c.CallServerStream(ctx, spec("Many", connect.StreamTypeServer), text("a"))
		return drain(stream, err)
	},
	"Join": func(ctx context.Context, c connectClient) ([]string, error) {
		return both(ctx, c, spec("Join", connect.StreamTypeClient))
	},
	"Chat": func(ctx context.Context, c connectClient) ([]string, error) {
		return both(ctx, c, spec("Chat", connect.StreamTypeBidi))
	},
}

// both sends two requests.
func both(ctx context.Context, c connectClient, s connect.Spec) ([]string, error) {
	stream, err := c.CallClientStream(ctx, s)
	if err != nil {
		return nil, statusOf(err)
	}
	for _, value := range []string{"a", "b"} {
		if err := stream.Send(text(value)); err != nil && !errors.Is(err, io.EOF) {
			break // Receive has the reason
		}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, statusOf(err)
	}
	return drain(stream, nil)
}

// drain returns the values that a stream responds.
func drain(stream connect.ClientStream, err error) (values []string, _ error) {
	if err != nil {
		return nil, statusOf(err)
	}
	defer stream.Close()
	for {
		var resp Text
		if err := stream.Receive(&resp); errors.Is(err, io.EOF) {
			return values, nil
		} else if err != nil {
			return values, statusOf(err)
		}
		values = append(values, resp.GetValue())
	}
}

// statusOf returns an error of connect's client as a status of gRPC.
func statusOf(err error) error {
	if err == nil {
		return nil
	}
	var e *connect.Error
	if !errors.As(err, &e) {
		return status.FromContextError(err).Err()
	}
	st := &spb.Status{Code: int32(e.Code()), Message: e.Message()}
	for _, d := range e.Details() {
		st.Details = append(st.Details, &anypb.Any{TypeUrl: "type.googleapis.com/" + d.Type, Value: d.Value})
	}
	return status.ErrorProto(st)
}

// echo answers with what it receives.
var echo = echotest.Funcs{
	OneFunc: func(_ context.Context, req *Text) (*Text, error) { return req, nil },
	ManyFunc: func(_ context.Context, req *Text) runtime.Stream[Text] {
		return echotest.Texts(req.GetValue(), req.GetValue())
	},
	JoinFunc: func(_ context.Context, reqs runtime.Stream[Text]) (*Text, error) {
		values, err := echotest.Gather(reqs)
		if err != nil {
			return nil, err
		}
		return text(strings.Join(values, "")), nil
	},
	ChatFunc: func(_ context.Context, reqs runtime.Stream[Text]) runtime.Stream[Text] { return reqs },
}

// post sends a body to a path and returns the response, whose body is read.
func (r *running) post(t *testing.T, path, contentType, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(echotest.Context(t), http.MethodPost, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	return r.do(t, req, headers...)
}

// do sends a request over HTTP/1.1.
func (r *running) do(t *testing.T, req *http.Request, headers ...string) (*http.Response, string) {
	t.Helper()
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := httpClient(t, false, nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// alive checks that the server still answers on both addresses.
func (r *running) alive(t *testing.T) {
	t.Helper()
	if _, err := healthpb.NewHealthClient(r.grpc).Check(echotest.Context(t), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("gRPC: %v", err)
	}
	answer, body := r.post(t, "/grpc.health.v1.Health/Check", "application/json", `{}`,
		"Connect-Timeout-Ms", "60000")
	if answer.StatusCode != 200 {
		t.Errorf("HTTP: %s %s", answer.Status, body)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("a minute has passed, and not %s", what)
		}
	}
}

package web_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/certtest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/web"
)

// whoCalls answers with the peer and the principal of a call.
var whoCalls = echotest.Funcs{OneFunc: func(ctx context.Context, _ *Text) (*Text, error) {
	call, _ := runtime.CallFromContext(ctx)
	host := call.Peer().String()
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if p := call.Principal(); p != nil {
		host += " " + p.ID
	}
	return text(host), nil
}}

// TestTLS checks that the address has the TLS of the server, with certificates of clients.
func TestTLS(t *testing.T) {
	ca, dir := certtest.NewCA(t, "ca"), t.TempDir()
	cert, key := ca.Issue(t, "server").Write(t, dir)
	pair := ca.Issue(t, "client", certtest.URIs(t, "spiffe://example.org/client")).Certificate(t)
	files := []server.Option{
		server.WithTLSFiles(cert, key), server.WithClientCAs(certtest.Write(t, dir, ca)),
		server.WithAuthenticator(server.PeerCertificate()),
	}
	own := []server.Option{
		server.WithTLS(&tls.Config{Certificates: []tls.Certificate{ca.Issue(t, "server").Certificate(t)},
			ClientCAs: ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert}),
		server.WithAuthenticator(server.PeerCertificate()),
	}
	for name, options := range map[string][]server.Option{"files": files, "own": own} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, whoCalls, config{options: options, scheme: "https",
				table: echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}, Idempotency: runtime.NoSideEffects})})
			for _, p := range protocols {
				config := &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{pair}}
				client := connectClient{connect.NewClient(connecthttp.NewTransport(httpClient(t, p.two, config), r.url, p.options...))}
				got, err := kinds["One"](echotest.Context(t), client)
				if err != nil || got[0] != "127.0.0.1 spiffe://example.org/client" {
					t.Errorf("%s: %q, %v", p.name, got, err)
				}
			}
			bare := httpClient(t, true, &tls.Config{RootCAs: ca.Pool()})
			if resp, err := bare.Get(r.url); err == nil {
				resp.Body.Close()
				t.Error("a client without a certificate is accepted")
			}
		})
	}
}

// TestTLSOfItsOwn checks the options of TLS, and that plain text is never served by mistake.
func TestTLSOfItsOwn(t *testing.T) {
	ca := certtest.NewCA(t, "ca")
	config1 := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, "server").Certificate(t)}}
	r := serve(t, whoCalls, config{web: []web.Option{web.WithTLS(config1)}, scheme: "https"})
	if resp, err := httpClient(t, true, &tls.Config{RootCAs: ca.Pool()}).Get(r.url); err != nil {
		t.Error(err)
	} else if resp.Body.Close(); resp.ProtoMajor != 2 {
		t.Error(resp.Proto)
	}
	r = serve(t, whoCalls, config{web: []web.Option{web.WithoutTLS()}, options: []server.Option{server.WithTLS(config1)}})
	if _, body := r.post(t, one, "application/json", `"a"`); body != `"127.0.0.1"` {
		t.Error(body)
	}
	srv := server.New(server.WithCredentials(credentials.TransportCredentials(insecure.NewCredentials())), web.Serve("127.0.0.1:0"))
	if err := srv.Run(echotest.Context(t), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "pass web.WithTLS or web.WithoutTLS") {
		t.Errorf("a server with other credentials: %v", err)
	}
}

// TestProxies checks that the client of a call is the one that a trusted proxy states, and no other.
func TestProxies(t *testing.T) {
	local := netip.MustParsePrefix("127.0.0.0/8")
	forwarded := []string{"X-Forwarded-For", "203.0.113.9, 198.51.100.7"}
	for name, test := range map[string]struct {
		options []server.Option
		first   string // bytes of the connection
		headers []string
		want    string
	}{
		"no proxy":       {nil, "", forwarded, "127.0.0.1"},
		"another proxy":  {[]server.Option{server.WithTrustedProxies(netip.MustParsePrefix("10.0.0.0/8"))}, "", forwarded, "127.0.0.1"},
		"trusted":        {[]server.Option{server.WithTrustedProxies(local)}, "", forwarded, "198.51.100.7"},
		"PROXY protocol": {[]server.Option{server.WithProxyProtocol(local)}, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", forwarded, "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, whoCalls, config{options: test.options})
			var lines strings.Builder
			for i := 0; i < len(test.headers); i += 2 {
				lines.WriteString(test.headers[i] + ": " + test.headers[i+1] + "\r\n")
			}
			conn := r.raw(t, test.first+"POST "+one+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3\r\n"+
				lines.String()+"\r\n\"a\"")
			if _, body := answer(t, conn); body != `"`+test.want+`"` {
				t.Errorf("the peer is %s, want %s", body, test.want)
			}
		})
	}
	r := serve(t, whoCalls, config{options: []server.Option{server.WithProxyProtocol(local)}})
	if got, _ := io.ReadAll(r.raw(t, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")); len(got) > 0 {
		t.Errorf("a connection without a header receives %q", got)
	}
}

// TestBoundsAreShared checks that calls on both addresses count together: for the rate of a peer,
// and for the bounds of calls and connections.
func TestBoundsAreShared(t *testing.T) {
	once := runtime.Policy{Rates: []runtime.Rate{{PerSecond: 0.001, Burst: 1, Key: runtime.ByPeer}}}
	r := serve(t, echo, config{table: echotest.TableWith(once)})
	if err := r.grpc.Invoke(echotest.Context(t), one, text("a"), new(Text)); err != nil {
		t.Fatal(err)
	}
	if resp, body := r.post(t, one, "application/json", `"a"`); resp.StatusCode != 429 || !strings.Contains(body, "RATE_LIMITED") {
		t.Errorf("%s %s", resp.Status, body)
	}

	held, release := make(chan struct{}), make(chan struct{})
	impl := echo
	impl.OneFunc = func(context.Context, *Text) (*Text, error) {
		held <- struct{}{}
		<-release
		return text("a"), nil
	}
	r = serve(t, impl, config{options: []server.Option{server.WithMaxCallsPerPeer(1)}})
	go func() { _ = r.grpc.Invoke(context.Background(), one, text("a"), new(Text)) }()
	echotest.Within(t, held)
	_, err := kinds["Many"](echotest.Context(t), r.clientOf(t, protocols[0]))
	if rpcerr.ReasonOf(err) != rpcerr.ReasonTooManyCalls {
		t.Errorf("a second call of the peer: %v", err)
	}
	close(release)

	r = serve(t, echo, config{options: []server.Option{server.WithMaxConnections(2)}})
	if err := r.grpc.Invoke(echotest.Context(t), one, text("a"), new(Text)); err != nil {
		t.Fatal(err)
	}
	second := r.raw(t, "")
	eventually(t, "two connections", func() bool { return r.Status().Connections == 2 })
	if got, _ := io.ReadAll(r.raw(t, "")); len(got) > 0 {
		t.Errorf("a third connection receives %q", got)
	}
	second.Close()
}

// TestConnectionsAge checks that clients are asked to connect again.
func TestConnectionsAge(t *testing.T) {
	r := serve(t, echo, config{options: []server.Option{server.WithMaxConnectionAge(time.Nanosecond)}})
	if resp, _ := r.post(t, one, "application/json", `"a"`); !resp.Close {
		t.Error("the connection of HTTP/1.1 is kept")
	}
	client := httpClient(t, true, nil)
	for range 3 { // each on a new connection, without a failed call
		resp, err := client.Post(r.url+one, "application/json", strings.NewReader(`"a"`))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Error(resp.Status)
		}
	}
}

// TestExpiredCertificateEndsConnection checks a connection that outlives the client's certificate.
func TestExpiredCertificateEndsConnection(t *testing.T) {
	ca, dir := certtest.NewCA(t, "ca"), t.TempDir()
	cert, key := ca.Issue(t, "server").Write(t, dir)
	until := time.Now().Add(3 * time.Second)
	pair := ca.Issue(t, "client", certtest.Valid(time.Now().Add(-time.Hour), until)).Certificate(t)
	started := make(chan struct{}, 1)
	impl := echo
	impl.ManyFunc = func(ctx context.Context, _ *Text) runtime.Stream[Text] {
		return func(yield func(*Text, error) bool) {
			started <- struct{}{}
			<-ctx.Done()
			yield(nil, ctx.Err())
		}
	}
	r := serve(t, impl, config{scheme: "https", options: []server.Option{
		server.WithTLSFiles(cert, key), server.WithClientCAs(certtest.Write(t, dir, ca)),
	}})
	client := connectClient{connect.NewClient(connecthttp.NewTransport(
		httpClient(t, true, &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{pair}}), r.url))}
	_, err := kinds["Many"](echotest.Context(t), client)
	if time.Now().Before(until) || status.Code(err) == codes.DeadlineExceeded {
		t.Errorf("the stream ends with %v", err)
	}
}

package callcreds_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/apikey"
	"github.com/grpcservice/grpcservice/runtime/callcreds"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// issuer issues tokens that are valid for a second, and knows which are.
type issuer struct {
	*httptest.Server
	mu     sync.Mutex
	issued map[string]time.Time
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{issued: map[string]time.Time{}}
	i.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, pass, _ := r.BasicAuth(); id != "shop" || pass != secret || r.FormValue("grant_type") != "client_credentials" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		token := fmt.Sprint("token-", len(i.issued))
		i.issued[token] = time.Now()
		fmt.Fprintf(w, `{"access_token": %q, "token_type": "bearer", "expires_in": 1}`, token)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.issued)
}

// Bind implements server.Authenticator. It allows a token a second more than it says, for the way.
func (i *issuer) Bind(runtime.MethodInfo) server.AuthenticateFunc {
	return func(ctx context.Context) (*runtime.Principal, error) {
		values := metadata.ValueFromIncomingContext(ctx, "authorization")
		if len(values) != 1 {
			return nil, nil
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		at, ok := i.issued[strings.TrimPrefix(values[0], "Bearer ")]
		if !ok || time.Since(at) > 2*time.Second {
			return nil, errors.New("expired")
		}
		return runtime.NewPrincipal("shop"), nil
	}
}

// trust returns a configuration that trusts the certificate of the issuer, and the issuer's own.
func (i *issuer) trust() (ours, theirs *tls.Config) {
	return &tls.Config{RootCAs: i.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs},
		&tls.Config{Certificates: i.TLS.Certificates}
}

// authenticated is a table whose methods need an authenticated caller.
var authenticated = echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}})

func TestTokensAreRotatedUnderLoad(t *testing.T) {
	servicetest.NoLeaks(t)
	issuer := newIssuer(t)
	ours, theirs := issuer.trust()
	srv := server.New(server.WithTLS(theirs), server.WithAuthenticator(issuer), server.WithDrainDelay(0), server.WithLogger(slog.New(slog.DiscardHandler)))
	server.Register[echotest.Service](srv, authenticated, echotest.Behaving(func(context.Context) error { return nil }))
	creds, err := callcreds.OAuth2(issuer.URL+"/token", "shop", callcreds.WithSecret(secret),
		callcreds.WithTransport(&http.Transport{TLSClientConfig: ours.Clone(), DisableKeepAlives: true}))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := client.Dial(echotest.ListenAndServe(t, srv), client.WithTLS(ours), client.WithCallCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ctx := echotest.Context(t)
	var calls sync.WaitGroup
	for kind, call := range echotest.Kinds {
		calls.Go(func() {
			for n := 0; issuer.count() < 4 && n < 100000; n++ {
				if err := call(ctx, conn.ClientConn); err != nil {
					t.Errorf("%s: %v", kind, err)
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	calls.Wait()
	if issuer.count() < 4 {
		t.Errorf("%d tokens", issuer.count())
	}
}

func TestAPIKeysReachTheServer(t *testing.T) {
	issuer := newIssuer(t)
	ours, theirs := issuer.trust()
	hash, err := apikey.HashOf(secret)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		server apikey.Option
		client callcreds.Option
	}{
		"header": {apikey.WithHeader("x-shop-key"), callcreds.WithHeader("x-shop-key")},
		"scheme": {apikey.WithScheme("ApiKey"), callcreds.WithScheme("ApiKey")},
	} {
		keys, err := apikey.New([]apikey.Key{{Hash: hash, Principal: "shop"}}, test.server)
		if err != nil {
			t.Fatal(err)
		}
		srv := server.New(server.WithTLS(theirs), server.WithAuthenticator(keys), server.WithDrainDelay(0), server.WithLogger(slog.New(slog.DiscardHandler)))
		server.Register[echotest.Service](srv, authenticated, echotest.Behaving(func(context.Context) error { return nil }))
		creds, err := callcreds.APIKey(secret, test.client)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := client.Dial(echotest.ListenAndServe(t, srv), client.WithTLS(ours), client.WithCallCredentials(creds))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		for kind, call := range echotest.Kinds {
			if err := call(echotest.Context(t), conn.ClientConn); err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
		}
	}
}

// The server that a redirect names never sees the secret, wherever it is.
func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, code := range []int{301, 302, 303, 307, 308} {
		var other *httptest.Server
		first := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/other" {
				t.Error("the redirect was followed")
			}
			target := other.URL
			if code%2 == 0 {
				target = "/other"
			}
			http.Redirect(w, r, target, code)
		}))
		defer first.Close()
		other = httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
		defer other.Close()
		creds, err := callcreds.OAuth2(first.URL, "shop", callcreds.WithSecret(secret), callcreds.WithTransport(first.Client().Transport), callcreds.WithLogger(slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := creds.GetRequestMetadata(context.Background()); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "redirects are not followed") {
			t.Errorf("%d: %v", code, err)
		}
	}
}

// An endpoint whose certificate is not trusted does not see the secret either.
func TestEndpointsMustBeTrusted(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the request arrived") }))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	srv.StartTLS()
	defer srv.Close()
	creds, err := callcreds.OAuth2(srv.URL, "shop", callcreds.WithSecret(secret), callcreds.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := creds.GetRequestMetadata(context.Background()); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "x509") {
		t.Errorf("the error is %v", err)
	}
}

// A response that never ends is given up at its limit.
func TestEndlessResponses(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := io.WriteString(w, strings.Repeat(" ", 1<<16)); err != nil {
				return
			}
		}
	}))
	defer srv.Close()
	creds, err := callcreds.OAuth2(srv.URL, "shop", callcreds.WithSecret(secret), callcreds.WithTransport(srv.Client().Transport), callcreds.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := creds.GetRequestMetadata(context.Background()); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "more than") {
		t.Errorf("the error is %v", err)
	}
}

// startPlain serves without TLS and returns how to reach the server.
func startPlain(t *testing.T, seen *echotest.Records) (tcp, unix string) {
	check := server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
		if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) == 1 && values[0] == "Bearer "+secret {
			return runtime.NewPrincipal("shop"), nil
		}
		return nil, nil
	})
	start := func(lis net.Listener) {
		srv := server.New(server.WithAuthenticator(check), server.WithDrainDelay(0), server.WithLogger(seen.Logger(slog.LevelDebug)))
		server.Register[echotest.Service](srv, authenticated, echotest.Behaving(func(context.Context) error { return nil }))
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- srv.Serve(ctx, lis) }()
		t.Cleanup(func() {
			cancel()
			if err := echotest.Within(t, served); err != nil {
				t.Error(err)
			}
		})
	}
	onTCP, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s")
	onUnix, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	start(onTCP)
	start(onUnix)
	return onTCP.Addr().String(), "unix://" + path
}

func TestPlaintextConnections(t *testing.T) {
	secure, err := callcreds.Token(secret)
	if err != nil {
		t.Fatal(err)
	}
	permitted, err := callcreds.Token(secret, callcreds.WithPlaintext())
	if err != nil {
		t.Fatal(err)
	}
	tcp, unix := startPlain(t, new(echotest.Records))
	for name, test := range map[string]struct {
		target string
		opts   []client.Option
		dial   string // what Dial's error has
		code   codes.Code
	}{
		"TCP":            {tcp, []client.Option{client.WithInsecure(), client.WithCallCredentials(secure)}, "sent in plain text; use TLS", codes.OK},
		"TCP, permitted": {tcp, []client.Option{client.WithInsecure(), client.WithCallCredentials(permitted)}, "", codes.OK},
		"TCP, one of two": {tcp, []client.Option{
			client.WithInsecure(), client.WithCallCredentials(permitted), client.WithCallCredentials(secure),
		}, "sent in plain text; use TLS", codes.OK},
		"TCP, grpc's option": {tcp, []client.Option{
			client.WithCallCredentials(secure), client.WithDialOptions(grpc.WithTransportCredentials(insecure.NewCredentials())),
		}, "require transport level security", codes.OK},
		"Unix":            {unix, []client.Option{client.WithInsecure(), client.WithCallCredentials(secure)}, "", codes.OK},
		"Unix, permitted": {unix, []client.Option{client.WithInsecure(), client.WithCallCredentials(permitted)}, "", codes.OK},
		"Unix, but dialed elsewhere": {unix, []client.Option{client.WithInsecure(), client.WithCallCredentials(secure), client.WithDialOptions(
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", tcp)
			}),
		)}, "", codes.Unavailable},
		"nil":         {tcp, []client.Option{client.WithCallCredentials(nil)}, "WithCallCredentials(nil)", codes.OK},
		"nil pointer": {tcp, []client.Option{client.WithCallCredentials((*callcreds.Credentials)(nil))}, "WithCallCredentials(nil)", codes.OK},
	} {
		conn, err := client.Dial(test.target, test.opts...)
		if (err == nil) != (test.dial == "") || err != nil && !strings.Contains(err.Error(), test.dial) {
			t.Errorf("%s: Dial returned %v, want %q", name, err, test.dial)
		}
		if err != nil {
			continue
		}
		for kind, call := range echotest.Kinds {
			if err := call(echotest.Context(t), conn.ClientConn); status.Code(err) != test.code {
				t.Errorf("%s, %s: %v, want %v", name, kind, err, test.code)
			}
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Credentials of one call are not sent in plain text either.
func TestPlaintextCalls(t *testing.T) {
	creds, err := callcreds.Token(secret)
	if err != nil {
		t.Fatal(err)
	}
	seen := new(echotest.Records)
	tcp, _ := startPlain(t, seen)
	conn, err := client.Dial(tcp, client.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for kind, call := range echotest.Kinds {
		err := call(echotest.Context(t), conn.ClientConn, grpc.PerRPCCredentials(creds))
		if status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "insecure connection") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if text := seen.Text(); strings.Contains(text, `"rpc"`) {
		t.Errorf("a call arrived: %s", text)
	}
}

// counter are credentials that count their rejections.
type counter struct {
	credentials.PerRPCCredentials
	mu sync.Mutex
	n  int
}

func (c *counter) Rejected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func TestConnectionsReportRejections(t *testing.T) {
	permitted, err := callcreds.Token("wrong", callcreds.WithPlaintext())
	if err != nil {
		t.Fatal(err)
	}
	creds := &counter{PerRPCCredentials: permitted}
	var answer atomic.Uint32
	srv := server.New(server.WithDrainDelay(0), server.WithLogger(slog.New(slog.DiscardHandler)))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(func(context.Context) error {
		return status.Error(codes.Code(answer.Load()), "no")
	}))
	addr := echotest.ListenAndServe(t, srv)
	conn, err := client.Dial(addr, client.WithInsecure(), client.WithCallCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, code := range []codes.Code{codes.OK, codes.PermissionDenied, codes.Unavailable, codes.Unauthenticated} {
		answer.Store(uint32(code))
		for kind, call := range echotest.Kinds {
			if err := call(echotest.Context(t), conn.ClientConn); status.Code(err) != code {
				t.Errorf("%s: %v, want %v", kind, err, code)
			}
			creds.mu.Lock()
			if (creds.n == 1) != (code == codes.Unauthenticated) {
				t.Errorf("%s, %v: %d rejections", kind, code, creds.n)
			}
			creds.n = 0
			creds.mu.Unlock()
		}
	}
}

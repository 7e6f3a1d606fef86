package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/certtest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// peerWith returns the context of a call on a connection with a client certificate.
func peerWith(leaf *x509.Certificate, verified bool) context.Context {
	info := credentials.TLSInfo{State: tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}}
	if verified {
		info.State.VerifiedChains = [][]*x509.Certificate{{leaf}}
	}
	return peer.NewContext(context.Background(), &peer.Peer{Addr: new(net.TCPAddr), AuthInfo: info})
}

// TestPeerCertificate reads the identity of certificates of all kinds.
func TestPeerCertificate(t *testing.T) {
	ca := certtest.NewCA(t, "root")
	leaf := func(options ...certtest.Option) *x509.Certificate {
		return ca.Issue(t, "billing", append(options, organization)...).Certificate(t).Leaf
	}
	uris := func(ids ...string) *x509.Certificate { return leaf(certtest.URIs(t, ids...)) }
	dns := func(names ...string) *x509.Certificate { return leaf(certtest.DNS(names...)) }
	const id = "spiffe://example.org/shop/api"
	domains := server.WithTrustDomains("example.com", "example.org")
	byName, bySubject := server.WithDNSNameIdentity(), server.WithSubjectIdentity()
	for name, row := range map[string]struct {
		leaf *x509.Certificate
		opts []server.PeerCertificateOption
		want string // "" is no credentials
		err  string
	}{
		"SPIFFE":                   {leaf: uris(id), want: id},
		"SPIFFE before the others": {leaf: uris(id), opts: []server.PeerCertificateOption{byName, bySubject}, want: id},
		"accepted trust domain":    {leaf: uris(id), opts: []server.PeerCertificateOption{domains}, want: id},
		"another trust domain":     {leaf: uris("spiffe://evil.org/shop/api"), opts: []server.PeerCertificateOption{domains}, err: "trust domain is not accepted"},
		"longer trust domain":      {leaf: uris("spiffe://example.org.evil.org/a"), opts: []server.PeerCertificateOption{domains}, err: "trust domain is not accepted"},
		"no trust domain":          {leaf: uris(id), opts: []server.PeerCertificateOption{server.WithTrustDomains()}, err: "trust domain is not accepted"},
		"two IDs":                  {leaf: uris(id, id+"2"), err: "1 other URI names"},
		"an ID and a URL":          {leaf: uris("https://example.org", id), err: "1 other URI names"},
		"no path":                  {leaf: uris("spiffe://example.org"), opts: []server.PeerCertificateOption{byName}, err: "no path"},
		"escaped":                  {leaf: uris("spiffe://example.org/a%2fb"), err: "contains '%'"},
		"query":                    {leaf: uris(id + "?admin"), err: "contains '?'"},
		"user":                     {leaf: uris("spiffe://admin@example.org/a"), err: "contains '@'"},
		"upper-case domain":        {leaf: uris("spiffe://EXAMPLE.org/a"), err: "contains 'E'"},
		"opaque":                   {leaf: uris("spiffe:example.org/a"), err: "does not start with"},
		"of a CA":                  {leaf: leaf(certtest.URIs(t, id), isCA), err: "key usage of a CA"},
		"a URL":                    {leaf: uris("https://example.org/a")},
		"CN alone":                 {leaf: leaf()},
		"DNS name":                 {leaf: dns("Billing.example.com"), opts: []server.PeerCertificateOption{byName}, want: "dns:billing.example.com"},
		"DNS name not accepted":    {leaf: dns("billing.example.com")},
		"DNS names":                {leaf: dns("a.example.com", "b.example.com"), opts: []server.PeerCertificateOption{byName, bySubject}, err: "2 DNS names"},
		"wildcard":                 {leaf: dns("*.example.com"), opts: []server.PeerCertificateOption{byName}, err: "no single host"},
		"subject":                  {leaf: dns(), opts: []server.PeerCertificateOption{byName, bySubject}, want: `subject:CN=billing,O=Example\, Inc.`},
	} {
		t.Run(name, func(t *testing.T) {
			authenticate := server.PeerCertificate(row.opts...).Bind(runtime.MethodInfo{})
			for range 2 { // the second from the cache
				principal, err := authenticate(peerWith(row.leaf, true))
				got := ""
				if principal != nil {
					got = principal.ID
				}
				if got != row.want || (err == nil) != (row.err == "") || err != nil && !strings.Contains(err.Error(), row.err) {
					t.Errorf("got %q, %v, want %q, %q", got, err, row.want, row.err)
				}
			}
			if principal, err := authenticate(peerWith(row.leaf, false)); principal != nil || err != nil {
				t.Errorf("not verified: got %v, %v", principal, err)
			}
		})
	}
	authenticate := server.PeerCertificate().Bind(runtime.MethodInfo{})
	for name, ctx := range map[string]context.Context{
		"no peer":      context.Background(),
		"no TLS":       peer.NewContext(context.Background(), &peer.Peer{Addr: new(net.TCPAddr)}),
		"not verified": peer.NewContext(context.Background(), &peer.Peer{AuthInfo: credentials.TLSInfo{}}),
	} {
		if principal, err := authenticate(ctx); principal != nil || err != nil {
			t.Errorf("%s: got %v, %v", name, principal, err)
		}
	}
	now := time.Now()
	expired := leaf(certtest.URIs(t, id), certtest.Valid(now.Add(-time.Hour), now.Add(-time.Second)))
	if principal, err := authenticate(peerWith(expired, true)); principal != nil || err == nil || !strings.Contains(err.Error(), "expired at") {
		t.Errorf("expired since the handshake: got %v, %v", principal, err)
	}
}

func organization(c *x509.Certificate) {
	c.Subject = pkix.Name{CommonName: "billing", Organization: []string{"Example, Inc."}}
}

func isCA(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }

// TestPrincipalOfCertificate calls all kinds of RPC with certificates: the principal is that of the
// certificate, and records have nothing else of it.
func TestPrincipalOfCertificate(t *testing.T) {
	servicetest.NoLeaks(t)
	dir, ca := t.TempDir(), certtest.NewCA(t, "root")
	cert, key := ca.Issue(t, "server").Write(t, dir)
	caFile := certtest.Write(t, dir, ca)
	log := new(echotest.Records)
	impl := echotest.Behaving(func(ctx context.Context) error {
		call, _ := runtime.CallFromContext(ctx)
		return status.Error(codes.DataLoss, fmt.Sprint(call.Principal()))
	})
	srv := server.New(server.WithLogger(log.Logger(slog.LevelDebug)), server.WithDrainDelay(0),
		server.WithTLSFiles(cert, key), server.WithClientCAs(caFile), server.WithOptionalClientCertificates(),
		server.WithAuthenticator(server.PeerCertificate(server.WithTrustDomains("example.org"))))
	table := echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}})
	server.Register[echotest.Service](srv, table, impl)
	addr := echotest.ListenAndServe(t, srv)
	trusted := client.WithServerCAs(caFile)
	with := func(id string) client.Option {
		return client.WithTLSFiles(ca.Issue(t, "the common name", certtest.URIs(t, id)).Write(t, t.TempDir()))
	}
	for name, row := range map[string]struct {
		opts []client.Option
		code codes.Code
		want string
	}{
		"accepted":             {[]client.Option{trusted, with("spiffe://example.org/a")}, codes.DataLoss, "spiffe://example.org/a"},
		"another trust domain": {[]client.Option{trusted, with("spiffe://example.com/a")}, codes.Unauthenticated, "not valid"},
		"malformed":            {[]client.Option{trusted, with("spiffe://example.org/a//b")}, codes.Unauthenticated, "not valid"},
		"no certificate":       {[]client.Option{trusted}, codes.Unauthenticated, "no credentials"},
	} {
		conn := dial(t, addr, row.opts...)
		for kind, call := range echotest.Kinds {
			err := call(echotest.Context(t), conn)
			if status.Code(err) != row.code || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%s, %s: got %v, want %v %q", name, kind, err, row.code, row.want)
			}
		}
	}
	if text := log.Text(); strings.Contains(text, "the common name") || !strings.Contains(text, "principal") {
		t.Errorf("the log has the certificate, or no principal:\n%s", text)
	}
}

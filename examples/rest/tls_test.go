package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	libraryv1 "github.com/grpcservice/grpcservice/examples/rest/gen/library/v1"
	"github.com/grpcservice/grpcservice/examples/rest/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// certified returns the principal of each call.
type certified struct {
	libraryv1service.UnimplementedBookService
	principals chan string
}

func (c certified) GetBook(
	ctx context.Context, _ *libraryv1.GetBookRequest,
) (*libraryv1.Book, error) {
	call, _ := runtime.CallFromContext(ctx)
	c.principals <- call.Principal().ID
	return &libraryv1.Book{}, nil
}

// TestClientCertificates checks that an authenticator sees the certificate of the HTTP client.
func TestClientCertificates(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "billing"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		URIs:        []*url.URL{{Scheme: "spiffe", Host: "example.org", Path: "/billing"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	books := certified{principals: make(chan string, 1)}
	policy := `{"library.v1.BookService/GetBook": {"auth": {}}}`
	srv := server.New(server.WithAuthenticator(server.PeerCertificate()), server.WithPolicy([]byte(policy)), server.WithLogger(slog.New(slog.DiscardHandler)))
	libraryv1service.RegisterBookService(srv, books)
	rest, err := newREST(t.Context(), srv)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(rest)
	clients := x509.NewCertPool()
	clients.AddCert(cert)
	front.TLS = &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: clients}
	front.StartTLS()
	t.Cleanup(front.Close)

	get := func(certs ...tls.Certificate) int {
		transport := front.Client().Transport.(*http.Transport).Clone()
		transport.TLSClientConfig.Certificates = certs
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Get(front.URL + "/v1/shelves/1/books/1")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if status := get(); status != http.StatusUnauthorized {
		t.Errorf("without a certificate: %d", status)
	}
	if status := get(tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}); status != http.StatusOK {
		t.Fatalf("with a certificate: %d", status)
	}
	if got := <-books.principals; got != "spiffe://example.org/billing" {
		t.Errorf("principal %q", got)
	}
}

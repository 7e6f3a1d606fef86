package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// TestTheProgram starts the program while neither its issuer nor its Redis can be reached: it
// serves, admits nobody without credentials, and stops.
func TestTheProgram(t *testing.T) {
	dir := t.TempDir()
	ca := newCA(t)
	certFile, keyFile := ca.issue(t, "server")
	write(t, dir, map[string][]byte{
		"tls.crt": certFile, "tls.key": keyFile, "ca.crt": ca.pem,
		"roles.yaml": []byte("version: v1\n"), "policy.json": []byte(`{}`),
	})
	env := map[string]string{
		"ISSUER": "https://127.0.0.1:1", "REDIS": "127.0.0.1:1", "CONFIG": dir, "TLS": dir,
		"ADDR": free(t), "HEALTH_ADDR": free(t),
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() {
		err := run(ctx, func(name string) string { return env[name] })
		if ctx.Err() == nil {
			t.Errorf("run returns early: %v", err)
		}
		stopped <- err
	}()

	health := healthpb.NewHealthClient(connect(t, env["HEALTH_ADDR"], insecure.NewCredentials()))
	if resp, err := health.Check(within(t), &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true)); err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("health: %v, %v", resp, err)
	}
	anonymous := &tls.Config{RootCAs: ca.pool}
	known := anonymous.Clone()
	certFile, keyFile = ca.issue(t, "client")
	pair, err := tls.X509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	known.Certificates = []tls.Certificate{pair}
	old := &tls.Config{RootCAs: ca.pool, MaxVersion: tls.VersionTLS12}
	for name, test := range map[string]struct {
		creds  credentials.TransportCredentials
		token  string
		code   codes.Code
		reason rpcerr.Reason
	}{
		"plain text":     {insecure.NewCredentials(), "", codes.Unavailable, ""},
		"TLS 1.2":        {credentials.NewTLS(old), "", codes.Unavailable, ""},
		"no credentials": {credentials.NewTLS(anonymous), "", codes.Unauthenticated, rpcerr.ReasonUnauthenticated},
		"a bad token":    {credentials.NewTLS(anonymous), "Bearer x", codes.Unauthenticated, "TOKEN_INVALID"},
		"no policy":      {credentials.NewTLS(known), "", codes.PermissionDenied, rpcerr.ReasonNoPolicy},
	} {
		client := libraryv1service.NewBookServiceClient(connect(t, env["ADDR"], test.creds))
		ctx := within(t)
		if test.token != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", test.token)
		}
		_, err := client.GetBook(ctx, &libraryv1.GetBookRequest{})
		if status.Code(err) != test.code || test.reason != "" && rpcerr.ReasonOf(err).Name() != test.reason.Name() {
			t.Errorf("%s: %v, reason %q", name, err, rpcerr.ReasonOf(err))
		}
	}
	cancel()
	select {
	case err := <-stopped:
		if err != nil {
			t.Errorf("run returns %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the program does not stop")
	}
}

// TestTheClient checks that the client does not start without its secret.
func TestTheClient(t *testing.T) {
	if conn, err := dial("127.0.0.1:1"); err == nil {
		conn.Close()
		t.Error("no error for a secret that cannot be read")
	}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func connect(t *testing.T, addr string, creds credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// free returns an address that was free a moment ago.
func free(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	return lis.Addr().String()
}

func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// authority is a certificate authority.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
	pool *x509.CertPool
}

func newCA(t *testing.T) *authority {
	t.Helper()
	ca := &authority{key: newKey(t), pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, ca.key.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	ca.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	ca.pool.AddCert(ca.cert)
	return ca
}

// issue returns a certificate and its key, with the SPIFFE ID of a workload.
func (ca *authority) issue(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	private := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		URIs:        []*url.URL{{Scheme: "spiffe", Host: "example.org", Path: "/" + name}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, private.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

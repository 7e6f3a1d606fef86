// Package certtest makes CAs and certificates for tests.
package certtest

import (
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
)

// Option changes a certificate before it is signed.
type Option func(*x509.Certificate)

// Valid sets when a certificate is valid.
func Valid(from, until time.Time) Option {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = from, until }
}

// URIs adds URI names, such as SPIFFE IDs.
func URIs(t testing.TB, uris ...string) Option {
	t.Helper()
	var parsed []*url.URL
	for _, uri := range uris {
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, u)
	}
	return func(c *x509.Certificate) { c.URIs = append(c.URIs, parsed...) }
}

// DNS sets the DNS names, and removes the addresses.
func DNS(names ...string) Option {
	return func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = names, nil }
}

// Usage sets the extended key usage, instead of both ends of TLS.
func Usage(usages ...x509.ExtKeyUsage) Option {
	return func(c *x509.Certificate) { c.ExtKeyUsage = usages }
}

// CA is a certificate that signs others, and itself or by another CA.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	// Chain is the certificate in PEM and, for an intermediate, those up to the root without it.
	Chain []byte
}

// NewCA returns a root.
func NewCA(t testing.TB, name string, options ...Option) *CA {
	t.Helper()
	template := caTemplate(name, options)
	key := newKey(t)
	cert := sign(t, template, template, key, key)
	return &CA{cert, key, toPEM("CERTIFICATE", cert.Raw)}
}

// Intermediate returns a CA that the CA signs.
func (ca *CA) Intermediate(t testing.TB, name string, options ...Option) *CA {
	t.Helper()
	key := newKey(t)
	cert := sign(t, caTemplate(name, options), ca.cert, key, ca.key)
	chain := toPEM("CERTIFICATE", cert.Raw)
	if ca.cert.Subject.String() != ca.cert.Issuer.String() {
		chain = append(chain, ca.Chain...)
	}
	return &CA{cert, key, chain}
}

// Pool returns a pool with the CA alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// Pair is a certificate with its chain and its key, in PEM.
type Pair struct{ Cert, Key []byte }

// Issue returns a certificate for localhost and 127.0.0.1, valid for an hour, with the subject CN
// name.
func (ca *CA) Issue(t testing.TB, name string, options ...Option) Pair {
	t.Helper()
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	prepare(template, options)
	key := newKey(t)
	chain := toPEM("CERTIFICATE", sign(t, template, ca.cert, key, ca.key).Raw)
	if ca.cert.Subject.String() != ca.cert.Issuer.String() {
		chain = append(chain, ca.Chain...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return Pair{chain, toPEM("PRIVATE KEY", der)}
}

// Certificate returns the pair for a tls.Config.
func (p Pair) Certificate(t testing.TB) tls.Certificate {
	t.Helper()
	cert, err := tls.X509KeyPair(p.Cert, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// Write writes the pair to the files tls.crt and tls.key of a directory, as Kubernetes names them,
// and returns their paths.
func (p Pair) Write(t testing.TB, dir string) (cert, key string) {
	t.Helper()
	cert, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	WriteFile(t, cert, p.Cert)
	WriteFile(t, key, p.Key)
	return cert, key
}

// Write writes the CAs to the file ca.crt of a directory, and returns its path.
func Write(t testing.TB, dir string, cas ...*CA) string {
	t.Helper()
	path := filepath.Join(dir, "ca.crt")
	var text []byte
	for _, ca := range cas {
		text = append(text, ca.Chain...)
	}
	WriteFile(t, path, text)
	return path
}

// WriteFile replaces a file by renaming another, so that readers see all of it or nothing.
func WriteFile(t testing.TB, path string, content []byte) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

func caTemplate(name string, options []Option) *x509.Certificate {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	prepare(template, options)
	return template
}

// prepare gives a template a serial number and an hour, and applies options.
func prepare(template *x509.Certificate, options []Option) {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // does not fail
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	now := time.Now()
	template.NotBefore, template.NotAfter = now.Add(-time.Minute), now.Add(time.Hour)
	for _, option := range options {
		option(template)
	}
}

func sign(
	t testing.TB, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey,
) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func toPEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

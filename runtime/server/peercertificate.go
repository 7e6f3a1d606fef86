package server

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"weak"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/spiffe"
)

// PeerCertificate returns an authenticator of callers whose client certificate was verified when
// they connected ([WithClientCAs]). The ID of the principal is the SPIFFE ID of the certificate,
// such as "spiffe://example.org/shop/api". [WithDNSNameIdentity] and [WithSubjectIdentity] accept
// certificates without one; the CN alone is never an identity. Principals have no scopes; the auth
// policy of a method lists them as principals.
//
// A call without a certificate, with one that was not verified, or with one that has no identity,
// has no credentials, so the next authenticator decides. An error rejects certificates that
// contradict the SPIFFE standard: with a second URI name, a malformed ID, or the key usage of a CA.
// When a certificate expires, the server closes the connection, or rejects its calls if the
// *grpc.Server of [On] was made without [GRPCOptions].
//
// The certificate is read once, and not for each call. With [WithTLS] and [WithCredentials], the
// AuthInfo of connections must be a [credentials.TLSInfo] with VerifiedChains: credentials that
// verify certificates themselves and leave it empty have no principals. Behind a proxy that
// terminates TLS, the certificate is that of the proxy.
func PeerCertificate(opts ...PeerCertificateOption) Authenticator {
	c := new(peerCertificates)
	for _, opt := range opts {
		opt(c)
	}
	return c
}

// PeerCertificateOption configures [PeerCertificate].
type PeerCertificateOption func(*peerCertificates)

// WithTrustDomains accepts SPIFFE IDs of these trust domains only, such as "example.org", and
// rejects others with UNAUTHENTICATED. By default every CA of [WithClientCAs] can name workloads of
// every trust domain.
func WithTrustDomains(domains ...string) PeerCertificateOption {
	domains = slices.Clone(domains)
	return func(c *peerCertificates) { c.limited, c.domains = true, append(c.domains, domains...) }
}

// WithDNSNameIdentity identifies certificates without a SPIFFE ID by their DNS name, in lower case:
// "dns:billing.example.com". Certificates with several names, or a wildcard, are rejected.
func WithDNSNameIdentity() PeerCertificateOption {
	return func(c *peerCertificates) { c.dnsName = true }
}

// WithSubjectIdentity identifies certificates without a SPIFFE ID, and without a DNS name if
// [WithDNSNameIdentity] is given, by their whole subject as in RFC 2253:
// "subject:CN=billing,O=Example".
func WithSubjectIdentity() PeerCertificateOption {
	return func(c *peerCertificates) { c.subject = true }
}

// peerCertificates is the authenticator of [PeerCertificate].
type peerCertificates struct {
	limited          bool // to domains
	domains          []string
	dnsName, subject bool

	// known has the identity of each certificate that is in use, a *certificateIdentity by
	// weak.Pointer[x509.Certificate]. Identities must not refer to their certificates.
	known sync.Map
}

// certificateIdentity is what a certificate says about its owner.
type certificateIdentity struct {
	principal *runtime.Principal // nil without an identity
	err       error
}

// Bind implements [Authenticator].
func (c *peerCertificates) Bind(runtime.MethodInfo) AuthenticateFunc { return c.authenticate }

func (c *peerCertificates) authenticate(ctx context.Context) (*runtime.Principal, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil, nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 || len(info.State.VerifiedChains[0]) == 0 {
		return nil, nil
	}
	leaf := info.State.VerifiedChains[0][0]
	if time.Now().After(leaf.NotAfter) {
		return nil, fmt.Errorf("peer certificate: it expired at %s; the client must connect again "+
			"with a new one", leaf.NotAfter.Format(time.RFC3339))
	}
	identity := c.identityOf(leaf)
	return identity.principal, identity.err
}

// identityOf returns the identity of a certificate, which is computed once.
func (c *peerCertificates) identityOf(leaf *x509.Certificate) *certificateIdentity {
	key := weak.Make(leaf)
	if known, ok := c.known.Load(key); ok {
		return known.(*certificateIdentity)
	}
	identity := new(certificateIdentity)
	var id string
	if id, identity.err = c.read(leaf); identity.err != nil {
		identity.err = fmt.Errorf("peer certificate: %w", identity.err)
	} else if id != "" {
		identity.principal = runtime.NewPrincipal(id)
	}
	if _, loaded := c.known.LoadOrStore(key, identity); !loaded {
		goruntime.AddCleanup(leaf, func(key weak.Pointer[x509.Certificate]) { c.known.Delete(key) }, key)
	}
	return identity
}

// read returns the ID in a certificate, or "".
func (c *peerCertificates) read(leaf *x509.Certificate) (string, error) {
	for _, uri := range leaf.URIs {
		if strings.EqualFold(uri.Scheme, "spiffe") {
			return c.spiffeID(leaf)
		}
	}
	if c.dnsName && len(leaf.DNSNames) > 0 {
		return dnsName(leaf.DNSNames)
	}
	if c.subject {
		return subjectOf(leaf)
	}
	return "", nil
}

// spiffeID returns the SPIFFE ID of a certificate that has one. The rules are those of
// https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md.
func (c *peerCertificates) spiffeID(leaf *x509.Certificate) (string, error) {
	if n := len(leaf.URIs); n > 1 {
		return "", fmt.Errorf("it has a SPIFFE ID and %d other URI names; exactly one is allowed", n-1)
	}
	if leaf.IsCA || leaf.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0 {
		return "", errors.New("it has a SPIFFE ID and the key usage of a CA, which is no workload")
	}
	id := leaf.URIs[0].String()
	if err := spiffe.Check(id); err != nil {
		return "", fmt.Errorf("SPIFFE ID %.200q: %w", id, err)
	}
	if domain := spiffe.TrustDomain(id); c.limited && !slices.Contains(c.domains, domain) {
		return "", fmt.Errorf("SPIFFE ID %.200q: its trust domain is not accepted; accepted are %q",
			id, c.domains)
	}
	return id, nil
}

// dnsName returns the ID of a certificate with DNS names.
func dnsName(names []string) (string, error) {
	if len(names) > 1 {
		return "", fmt.Errorf("it has %d DNS names, so none of them is its identity", len(names))
	}
	if name := names[0]; name != "" && !strings.Contains(name, "*") {
		return "dns:" + strings.ToLower(name), nil
	}
	return "", fmt.Errorf("the DNS name %.200q names no single host", names[0])
}

// subjectOf returns the ID of a certificate with a subject.
func subjectOf(leaf *x509.Certificate) (string, error) {
	var subject pkix.RDNSequence
	if rest, err := asn1.Unmarshal(leaf.RawSubject, &subject); err != nil || len(rest) > 0 {
		return "", errors.New("its subject is malformed")
	}
	if len(subject) == 0 {
		return "", nil
	}
	return "subject:" + subject.String(), nil
}

package tlsfiles

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// pairParser parses a certificate file and a key file.
type pairParser struct {
	certFile, keyFile string
	usage             x509.ExtKeyUsage
	now               func() time.Time
}

// parse returns the certificate chain with its key. It returns an error unless the certificate can
// be used now.
func (p pairParser) parse(contents [][]byte) (*tls.Certificate, error) {
	chain, err := certificates(contents[0])
	if err == nil {
		err = checkLeaf(chain[0], p.usage, p.now())
	}
	if err != nil {
		return nil, p.fail(err)
	}
	pair, err := tls.X509KeyPair(contents[0], contents[1])
	if err != nil {
		return nil, fmt.Errorf("key %s for certificate %s: %w", p.keyFile, p.certFile, err)
	}
	pair.Leaf = chain[0]
	return &pair, nil
}

// fail returns the error of a certificate.
func (p pairParser) fail(err error) error {
	return fmt.Errorf("certificate %s: %w", p.certFile, err)
}

// checkLeaf returns why peers would reject a certificate, or nil.
func checkLeaf(leaf *x509.Certificate, usage x509.ExtKeyUsage, now time.Time) error {
	if err := checkTime(leaf, now); err != nil {
		return err
	}
	restricted := len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) > 0
	if restricted && !slices.Contains(leaf.ExtKeyUsage, usage) &&
		!slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return fmt.Errorf("its extended key usage does not include %s", usageNames[usage])
	}
	return nil
}

var usageNames = map[x509.ExtKeyUsage]string{
	x509.ExtKeyUsageServerAuth: "serverAuth", x509.ExtKeyUsageClientAuth: "clientAuth",
}

// checkTime returns an error for a certificate that is not valid now.
func checkTime(cert *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(cert.NotBefore):
		return fmt.Errorf("it is not valid before %s", cert.NotBefore.Format(time.RFC3339))
	case now.After(cert.NotAfter):
		return fmt.Errorf("it expired at %s", cert.NotAfter.Format(time.RFC3339))
	}
	return nil
}

// poolParser parses a file with certificates of CAs.
type poolParser struct {
	file string
	now  func() time.Time
}

// parse returns the CAs. It returns an error unless one of them can be used now.
func (p poolParser) parse(contents [][]byte) (*x509.CertPool, error) {
	cas, err := certificates(contents[0])
	if err != nil {
		return nil, fmt.Errorf("CA file %s: %w", p.file, err)
	}
	pool := x509.NewCertPool()
	valid := false
	for _, ca := range cas {
		valid = valid || checkTime(ca, p.now()) == nil
		pool.AddCert(ca)
	}
	if !valid {
		return nil, fmt.Errorf("CA file %s: none of its %d certificates is valid now; the first: %w",
			p.file, len(cas), checkTime(cas[0], p.now()))
	}
	return pool, nil
}

// certificates returns the certificates in PEM text; there is at least one. Unlike
// [x509.CertPool.AppendCertsFromPEM] it skips none that is damaged: a file that is being written
// would lose CAs.
func certificates(text []byte) ([]*x509.Certificate, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("the file is empty")
	}
	var certs []*x509.Certificate
	begun := bytes.Count(text, []byte("-----BEGIN "))
	blocks := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		blocks++
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", blocks, err)
		}
		certs = append(certs, cert)
	}
	switch {
	case blocks != begun:
		return nil, fmt.Errorf("%d PEM blocks begin, but only %d are complete", begun, blocks)
	case len(certs) == 0:
		return nil, errors.New("it has no PEM block of type CERTIFICATE")
	}
	return certs, nil
}

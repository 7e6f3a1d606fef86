package jwtauth

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// parseKeyFile parses the content of a key file: a JWKS if it starts with "{", otherwise PEM.
func parseKeyFile(content []byte) (*keySet, []string, error) {
	content = bytes.TrimSpace(content)
	if bytes.HasPrefix(content, []byte("{")) {
		return parseJWKS(content)
	}
	set, err := parsePEM(content)
	return set, nil, err
}

// parsePEM parses public keys and certificates in PEM. They have no key ID, so each is tried for
// every token that fits.
func parsePEM(content []byte) (*keySet, error) {
	var keys []*key
	for {
		block, rest := pem.Decode(content)
		if block == nil {
			break
		}
		public, err := parseBlock(block)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", len(keys)+1, err)
		}
		k, err := newKey("", public, "")
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", len(keys)+1, err)
		}
		if keys = append(keys, k); len(keys) > maxKeys {
			return nil, fmt.Errorf("more than %d keys", maxKeys)
		}
		content = rest
	}
	switch {
	case bytes.Contains(content, []byte("-----BEGIN")):
		return nil, errors.New("an incomplete PEM block")
	case len(keys) == 0:
		return nil, errors.New("neither a JWKS nor a public key in PEM")
	}
	return newKeySet(keys)
}

// parseBlock returns the public key of a PEM block.
func parseBlock(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return certificate.PublicKey, nil
	}
	return nil, fmt.Errorf("type %s; use a PUBLIC KEY or a CERTIFICATE", quoted(block.Type))
}

package jwtauth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxKeyID is the number of bytes of the longest key ID.
const maxKeyID = 256

// token is a token whose header has been checked, and nothing else.
type token struct {
	keyID     string // "" if the header has none
	algorithm string
	method    jwt.SigningMethod
	signed    string // what the signature signs: header and payload, encoded
	payload   []byte
	signature []byte
}

// encoding is that of the parts of a token. It is strict, so that no two tokens differ in bits that
// mean nothing.
var encoding = base64.RawURLEncoding.Strict()

// verifier checks tokens.
type verifier struct {
	issuer    string
	audiences []string
	methods   methodTable
	types     map[string]bool
	scopes    []string
	leeway    time.Duration
}

// parseToken parses a token and checks its header.
func (v *verifier) parseToken(raw string) (*token, error) {
	signed, signature, ok := cutSignature(raw)
	if !ok || strings.Contains(signature, ".") {
		return nil, because(errMalformed, "%d parts instead of 3", strings.Count(raw, ".")+1)
	}
	header, payload, _ := strings.Cut(signed, ".")
	if strings.ContainsAny(raw, "\r\n") { // base64 ignores them
		return nil, because(errMalformed, "line breaks")
	}
	t := &token{signed: signed}
	decoded, err := encoding.DecodeString(header)
	if err != nil {
		return nil, because(errMalformed, "the header is not base64url")
	}
	if err := v.parseHeader(t, decoded); err != nil {
		return nil, err
	}
	if t.payload, err = encoding.DecodeString(payload); err != nil {
		return nil, because(errMalformed, "the payload is not base64url")
	}
	if t.signature, err = encoding.DecodeString(signature); err != nil {
		return nil, because(errMalformed, "the signature is not base64url")
	}
	return t, nil
}

// cutSignature cuts a token into what is signed and the signature. It is called for every token,
// and looks for two periods from the left because strings finds them much faster than from the
// right.
func cutSignature(raw string) (signed, signature string, ok bool) {
	header := strings.IndexByte(raw, '.') + 1
	payload := strings.IndexByte(raw[header:], '.')
	if header == 0 || payload < 0 {
		return "", "", false
	}
	return raw[:header+payload], raw[header+payload+1:], true
}

// parseHeader checks the header of t. Headers that carry a key or refer to one (jwk, jku, x5c, x5u)
// are ignored: keys come from the issuer only.
func (v *verifier) parseHeader(t *token, data []byte) error {
	header, err := parseObject(data)
	if err != nil {
		return because(errMalformed, "header: %w", err)
	}
	if t.algorithm, err = header.text("alg"); err != nil {
		return because(errAlgorithm, "header: %w", err)
	}
	if t.method = v.methods[t.algorithm]; t.method == nil {
		return because(errAlgorithm, "alg is %s", quoted(t.algorithm))
	}
	if err := critical(header); err != nil {
		return because(errCritical, "header: %w", err)
	}
	kind, err := header.text("typ")
	if err != nil || !v.types[canonicalType(kind)] {
		return because(errType, "typ is %s", quoted(string(header["typ"])))
	}
	if t.keyID, err = header.text("kid"); err != nil || len(t.keyID) > maxKeyID {
		return because(errKey, "kid is not a string of at most %d bytes", maxKeyID)
	}
	return nil
}

// critical returns an error for a header that must be understood and is not. No extension is
// supported. b64 (RFC 7797) changes what is signed; it is rejected even if crit does not list it.
func critical(header object) error {
	if crit, ok := header["crit"]; ok {
		return fmt.Errorf("crit is %s", quoted(string(crit)))
	}
	if b64, ok := header["b64"]; ok && string(b64) != "true" {
		return errors.New("b64 is not supported")
	}
	return nil
}

// canonicalType returns a media type of a token in lower case and without "application/", which the
// header may omit (RFC 7515).
func canonicalType(kind string) string {
	return strings.TrimPrefix(strings.ToLower(kind), "application/")
}

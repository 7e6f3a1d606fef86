package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Ring holds the keys of a service. The first one seals; all of them open. To replace a key while
// old tokens are in use:
//
//  1. add the new key at the end, on all replicas;
//  2. move it to the front;
//  3. remove the old key when its last token has expired.
//
// A Ring is safe for concurrent use.
type Ring struct {
	keys []*key
}

// NewRing returns a ring of keys. It returns an error that names the key, but never its secret,
// if there is no key, if a secret is too short, or if a key occurs twice.
func NewRing(keys ...Key) (*Ring, error) {
	if len(keys) == 0 {
		return nil, errors.New("there is no key; pass at least one")
	}
	ring := new(Ring)
	for i, k := range keys {
		if n := len(k.bytes()); n < MinSecret {
			return nil, fmt.Errorf("key %d has %d bytes, at least %d are needed; make one with: openssl rand -base64 32", i+1, n, MinSecret)
		}
		for j, other := range keys[:i] {
			if bytes.Equal(k.bytes(), other.bytes()) {
				return nil, fmt.Errorf("key %d is the same as key %d; pass it once", i+1, j+1)
			}
		}
		made, err := newKey(k.bytes())
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		ring.keys = append(ring.keys, made)
	}
	return ring, nil
}

// ParseKeys parses keys from configuration: secrets in base64, separated by commas. The first one
// seals.
//
//	keys, err := seal.ParseKeys(os.Getenv("TOKEN_KEYS")) // openssl rand -base64 32
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimRight(strings.TrimSpace(part), "=")
		bytes, err := base64.RawStdEncoding.DecodeString(part)
		if err != nil { // err would show the secret
			return nil, fmt.Errorf("key %d is not base64; make one with: openssl rand -base64 32", len(keys)+1)
		}
		keys = append(keys, NewKey(bytes))
	}
	if _, err := NewRing(keys...); err != nil {
		return nil, err
	}
	return keys, nil
}

// String returns the number of keys only.
func (r *Ring) String() string { return fmt.Sprintf("seal.Ring(%d keys, hidden)", len(r.keys)) }

// Format implements fmt.Formatter.
func (r *Ring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// MarshalText hides the keys in JSON.
func (r *Ring) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Random returns a ring with one random key, which is lost when the process ends: other replicas
// cannot open its tokens.
func Random() *Ring {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails: see crypto/rand
	ring := new(Ring)
	if made, err := newKey(secret); err == nil { // a secret of this length is valid
		ring.keys = []*key{made}
	}
	return ring
}

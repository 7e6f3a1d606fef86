package seal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
)

// Ring is the keys of a service. The first seals, all of them open, so that a key can be replaced while tokens of the old one are
// out:
//
//  1. the new key is added at the end, on all replicas;
//  2. it moves to the front;
//  3. when the last token of the old one has expired, that is removed.
//
// A Ring may be used by many goroutines.
type Ring struct {
	keys []*key
}

// NewRing returns the ring of keys. No key, one whose secret is too short, or the same one twice is an error that says which, and
// never shows a secret.
func NewRing(keys ...Key) (*Ring, error) {
	if len(keys) == 0 {
		return nil, errors.New("there is no key; pass one at least")
	}
	ring := new(Ring)
	for i, k := range keys {
		if n := len(k.bytes()); n < MinSecret {
			return nil, fmt.Errorf("key %d has %d bytes, at least %d are needed; make one with: openssl rand -base64 32", i+1, n, MinSecret)
		}
		for j, other := range keys[:i] {
			if bytes.Equal(k.bytes(), other.bytes()) {
				return nil, fmt.Errorf("key %d is key %d again; pass it once", i+1, j+1)
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

// String says how many keys there are, and nothing of them.
func (r *Ring) String() string { return fmt.Sprintf("seal.Ring(%d keys, hidden)", len(r.keys)) }

// Format implements fmt.Formatter.
func (r *Ring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// MarshalText keeps the keys out of logs in JSON.
func (r *Ring) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Random returns a ring of one random key, which dies with the process: another replica does not open its tokens.
func Random() *Ring {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails: see crypto/rand
	ring := new(Ring)
	if made, err := newKey(secret); err == nil { // a secret of this length is right
		ring.keys = []*key{made}
	}
	return ring
}

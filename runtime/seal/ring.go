package seal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
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
		if len(k.Secret) < MinSecret {
			return nil, fmt.Errorf("key %d has %d bytes, at least %d are needed; make one with: openssl rand -base64 32", i+1, len(k.Secret), MinSecret)
		}
		for j, other := range keys[:i] {
			if bytes.Equal(k.Secret, other.Secret) {
				return nil, fmt.Errorf("key %d is key %d again; pass it once", i+1, j+1)
			}
		}
		made, err := newKey(k.Secret)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		ring.keys = append(ring.keys, made)
	}
	return ring, nil
}

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

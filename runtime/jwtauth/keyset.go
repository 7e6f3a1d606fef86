package jwtauth

import (
	"crypto"
	"fmt"
	"slices"
	"sync/atomic"
)

// key verifies signatures.
type key struct {
	id      string   // "" matches tokens with any key ID
	methods []string // the names of the methods that it verifies
	public  any      // as golang-jwt's methods take it; for HMAC the secret
	retired atomic.Bool
}

// newKey returns a key; algorithm is the only one that it may verify, or "".
func newKey(id string, public any, algorithm string) (*key, error) {
	methods, err := methodsOf(public)
	if err != nil {
		return nil, err
	}
	if algorithm != "" {
		if !slices.Contains(methods, algorithm) {
			return nil, fmt.Errorf("alg %s does not fit the key; it verifies %q",
				quoted(algorithm), methods)
		}
		methods = []string{algorithm}
	}
	if len(id) > maxKeyID {
		return nil, fmt.Errorf("a kid of %d bytes; at most %d", len(id), maxKeyID)
	}
	return &key{id: id, methods: methods, public: public}, nil
}

// equal reports whether both keys verify the same signatures.
func (k *key) equal(other *key) bool {
	public, ok := k.public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.id == other.id && slices.Equal(k.methods, other.methods) &&
		public.Equal(other.public)
}

// maxKeys is the number of keys of the largest set. maxAlike is the number of keys that are tried
// for one token.
const (
	maxKeys  = 100
	maxAlike = 4
)

// keySet holds the keys of an issuer. It does not change.
type keySet struct{ keys []*key }

// newKeySet returns a set of keys, or an error if it would be too expensive to verify a token with
// it.
func newKeySet(keys []*key) (*keySet, error) {
	if len(keys) > maxKeys {
		return nil, fmt.Errorf("%d keys; at most %d", len(keys), maxKeys)
	}
	set := &keySet{keys: keys}
	for _, k := range keys {
		for _, method := range k.methods {
			if n := len(set.named(k.id, method)); n > maxAlike {
				return nil, fmt.Errorf("%d keys verify %s for the kid %s; at most %d",
					n, method, quoted(k.id), maxAlike)
			}
		}
	}
	return set, nil
}

// named returns the keys that verify method for tokens with a key ID: those that have it, and those
// that have none.
func (s *keySet) named(id, method string) (keys []*key) {
	for _, k := range s.keys {
		if (k.id == id || k.id == "") && slices.Contains(k.methods, method) {
			keys = append(keys, k)
		}
	}
	return keys
}

// forToken returns the keys to try for a token. A token without a key ID may be signed by any key.
func (s *keySet) forToken(id, method string) ([]*key, error) {
	if id != "" {
		keys := s.named(id, method)
		if len(keys) == 0 {
			return nil, because(errKey, "no key verifies %s for the kid %s", method, quoted(id))
		}
		return keys, nil
	}
	keys := slices.DeleteFunc(slices.Clone(s.keys), func(k *key) bool {
		return !slices.Contains(k.methods, method)
	})
	if len(keys) == 0 || len(keys) > maxAlike {
		return nil, because(errKey, "the token has no kid, and %d keys verify %s; at most %d are tried",
			len(keys), method, maxAlike)
	}
	return keys, nil
}

// misfits reports whether the key with the ID of a token cannot have signed it, whatever the
// signature is.
func (s *keySet) misfits(t *token) bool {
	return t.keyID != "" && s.has(t.keyID) && len(s.named(t.keyID, t.algorithm)) == 0
}

// has reports whether the set has a key with this ID.
func (s *keySet) has(id string) bool {
	return slices.ContainsFunc(s.keys, func(k *key) bool { return k.id == id })
}

// after returns the set that replaces old: a key that both have stays the same, so that cached
// tokens stay valid. It returns old if nothing has changed.
func (s *keySet) after(old *keySet) *keySet {
	if old == nil {
		return s
	}
	merged := &keySet{keys: slices.Clone(s.keys)}
	for i, k := range merged.keys {
		if j := slices.IndexFunc(old.keys, k.equal); j >= 0 {
			merged.keys[i] = old.keys[j]
		}
	}
	if merged.within(old) && old.within(merged) {
		return old
	}
	return merged
}

// within reports whether other has all keys of s.
func (s *keySet) within(other *keySet) bool {
	return !slices.ContainsFunc(s.keys, func(k *key) bool { return !slices.Contains(other.keys, k) })
}

// retire ends the validity of tokens that were verified with keys of old that s does not have.
func (s *keySet) retire(old *keySet) {
	if old == nil {
		return
	}
	for _, k := range old.keys {
		if !slices.Contains(s.keys, k) {
			k.retired.Store(true)
		}
	}
}

// ids returns the IDs of the keys, for logs.
func (s *keySet) ids() []string {
	ids := make([]string, len(s.keys))
	for i, k := range s.keys {
		ids[i] = k.id
	}
	return ids
}

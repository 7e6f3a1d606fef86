package seal

import (
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
)

// MinSecret is the length of the shortest secret that a key may have, in bytes.
const MinSecret = 16

// Key is what tokens are sealed with. All replicas of a service have the same keys. It is printed without its secret, by every verb
// of package fmt, as JSON and in logs, also as a field that is not exported.
type Key struct {
	held *secret // a pointer, as fmt prints what is in a field that is not exported, and asks no methods
}

// secret is what a key is made of.
type secret struct{ bytes []byte }

// NewKey returns the key with a secret of at least [MinSecret] random bytes; 32 are right. [NewRing] checks it.
func NewKey(bytes []byte) Key { return Key{&secret{slices.Clone(bytes)}} }

// bytes returns the secret; none of the zero Key.
func (k Key) bytes() []byte {
	if k.held == nil {
		return nil
	}
	return k.held.bytes
}

// String keeps the secret out of logs.
func (Key) String() string { return "seal.Key(hidden)" }

// Format implements fmt.Formatter.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalText keeps the secret out of logs in JSON.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// ParseKeys reads keys from the text of a configuration: secrets in base64, with commas between them, the one that seals first.
//
//	keys, err := seal.ParseKeys(os.Getenv("TOKEN_KEYS")) // openssl rand -base64 32
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimRight(strings.TrimSpace(part), "=")
		bytes, err := base64.RawStdEncoding.DecodeString(part)
		if err != nil { // it would show the secret
			return nil, fmt.Errorf("key %d is not base64; make one with: openssl rand -base64 32", len(keys)+1)
		}
		keys = append(keys, NewKey(bytes))
	}
	if _, err := NewRing(keys...); err != nil {
		return nil, err
	}
	return keys, nil
}

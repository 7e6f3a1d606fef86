package seal

import (
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
)

// MinSecret is the minimum length of a key's secret in bytes.
const MinSecret = 16

// Key seals tokens. All replicas of a service must have the same keys. Package fmt, JSON and logs
// show it without its secret, even in an unexported field.
type Key struct {
	held *secret // a pointer, because fmt prints unexported fields without calling methods
}

type secret struct{ bytes []byte }

// NewKey returns a key with a secret of at least [MinSecret] random bytes; use 32. [NewRing]
// checks the length.
func NewKey(bytes []byte) Key { return Key{&secret{slices.Clone(bytes)}} }

// bytes returns the secret, or nil for the zero Key.
func (k Key) bytes() []byte {
	if k.held == nil {
		return nil
	}
	return k.held.bytes
}

// String hides the secret.
func (Key) String() string { return "seal.Key(hidden)" }

// Format implements fmt.Formatter.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalText hides the secret in JSON.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

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

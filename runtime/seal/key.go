package seal

import (
	"fmt"
	"io"
	"slices"
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

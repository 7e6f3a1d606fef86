package seal

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// MinSecret is the length of the shortest secret that a key may have, in bytes.
const MinSecret = 16

// Key is what tokens are sealed with. All replicas of a service have the same keys.
type Key struct {
	// Secret is at least [MinSecret] random bytes; 32 are right.
	Secret []byte
}

// String keeps the secret out of logs.
func (Key) String() string { return "seal.Key(hidden)" }

// GoString keeps the secret out of logs.
func (k Key) GoString() string { return k.String() }

// MarshalText keeps the secret out of logs in JSON.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// ParseKeys reads keys from the text of a configuration: secrets in base64, with commas between them, the one that seals first.
//
//	keys, err := seal.ParseKeys(os.Getenv("TOKEN_KEYS")) // openssl rand -base64 32
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimRight(strings.TrimSpace(part), "=")
		secret, err := base64.RawStdEncoding.DecodeString(part)
		if err != nil { // it would show the secret
			return nil, fmt.Errorf("key %d is not base64; make one with: openssl rand -base64 32", len(keys)+1)
		}
		keys = append(keys, Key{Secret: secret})
	}
	if _, err := NewRing(keys...); err != nil {
		return nil, err
	}
	return keys, nil
}

package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Limits of keys.
const (
	// MinLength is the number of characters of the shortest key that is accepted.
	MinLength = 32
	// MaxLength is the number of characters of the longest one.
	MaxLength = 512
	// minDistinct is how many different characters a key has at least. One in 20 million random
	// keys of 32 hexadecimal digits has fewer.
	minDistinct = 8
)

// Key is an API key as the server knows it.
type Key struct {
	// Hash is the hash of the key.
	Hash Hash
	// Principal is the ID of the caller who has the key. Several keys may have the same principal.
	Principal string
	// Scopes are the scopes of calls with this key.
	Scopes []string
	// Expires is when the key stops being valid; the zero time is never.
	Expires time.Time
}

// check returns what is wrong with the key, without its hash.
func (k *Key) check() error {
	switch {
	case k.Hash == Hash{}:
		return errors.New("there is no hash; make one with HashOf")
	case k.Principal == "":
		return errors.New("there is no principal; name who has the key")
	case strings.ContainsFunc(k.Principal, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Errorf("principal %q: an ID has no control characters", k.Principal)
	}
	return nil
}

// Hash is the SHA-256 of a key. It is printed as its first 8 hexadecimal digits, which identify the
// key in a log.
type Hash [sha256.Size]byte

// HashOf returns the hash of a key. It returns an error if the key does not look random: see
// [MinLength]. The error does not have the key.
func HashOf(key string) (Hash, error) {
	if err := checkRandom(key); err != nil {
		return Hash{}, err
	}
	return hashOf(key), nil
}

// hashOf returns the hash of a key that is at most [MaxLength] long, without an allocation.
func hashOf(key string) Hash {
	var text [MaxLength]byte
	return sha256.Sum256(text[:copy(text[:], key)])
}

// ParseHash reads a hash of 64 hexadecimal digits, as sha256sum prints it. Its error does not have
// the text, which may be a key.
func ParseHash(text string) (h Hash, err error) {
	if n, err := hex.Decode(h[:], []byte(text[:min(len(text), 2*len(h))])); err != nil || n < len(h) || len(text) > 2*len(h) {
		return Hash{}, fmt.Errorf("a hash has %d hexadecimal digits; make one with: printf %%s \"$key\" | sha256sum", 2*len(h))
	}
	return h, nil
}

// String returns the first 8 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:4]) }

// Format implements fmt.Formatter: it writes [Hash.String].
func (h Hash) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, h.String()) }

// Generate returns a new key: 52 letters and digits with 256 random bits. A prefix that names the
// service helps to find keys that were published by mistake:
//
//	key := "shop_" + apikey.Generate()
func Generate() string { return rand.Text() + rand.Text() }

var (
	errShort = fmt.Errorf("the API key has less than %d characters; make a random one with apikey.Generate", MinLength)
	errLong  = fmt.Errorf("the API key has more than %d characters", MaxLength)
	errChars = errors.New("the API key has characters other than visible ASCII")
	errWeak  = fmt.Errorf("the API key has less than %d different characters; make a random one with apikey.Generate", minDistinct)
)

// checkRandom returns an error for a key that cannot be random. It is a check against mistakes: a
// key that passes may still be easy to guess.
func checkRandom(key string) error {
	switch {
	case len(key) < MinLength:
		return errShort
	case len(key) > MaxLength:
		return errLong
	}
	var seen [128]bool
	distinct := 0
	for i := range len(key) {
		c := key[i]
		if c <= ' ' || c >= 0x7f {
			return errChars
		}
		if !seen[c] {
			seen[c] = true
			distinct++
		}
	}
	if distinct < minDistinct {
		return errWeak
	}
	return nil
}

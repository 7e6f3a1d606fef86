// Package uuid makes and recognises UUIDs of version 4, which idempotency keys are (AIP-155).
package uuid

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// length is the number of characters of a UUID as text.
const length = 36

// New returns a random UUID of version 4 (RFC 9562) in lower case:
// "1b4e28ba-2fa1-4d2b-883f-0016d3cca427".
func New() string {
	var id [16]byte
	rand.Read(id[:]) // never fails: see crypto/rand
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	var text [length]byte
	from, to := 0, 0
	for _, bytes := range [...]int{4, 2, 2, 2, 6} {
		if to > 0 {
			text[to] = '-'
			to++
		}
		to += hex.Encode(text[to:], id[from:from+bytes])
		from += bytes
	}
	return string(text[:])
}

// IsV4 reports whether a text is a version 4 UUID, in upper or lower case.
func IsV4(text string) bool {
	return is(text) && text[14] == '4' && strings.IndexByte("89abAB", text[19]) >= 0
}

// Canonical returns a UUID of any version in lower case, because UUIDs are case-insensitive (RFC
// 9562). It returns any other text unchanged.
func Canonical(text string) string {
	if !is(text) {
		return text
	}
	return strings.ToLower(text)
}

// is reports whether a text has the form of a UUID.
func is(text string) bool {
	if len(text) != length {
		return false
	}
	for i := range len(text) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if text[i] != '-' {
				return false
			}
		} else if strings.IndexByte("0123456789abcdefABCDEF", text[i]) < 0 {
			return false
		}
	}
	return true
}

package natshub

import (
	"fmt"
	"strings"
)

// maxKey is the maximum length of a room or log name in bytes.
const maxKey = 256

// maxPrefix is the maximum length of a prefix of subjects. With an escaped key, a subject stays
// far below the server's limit for a protocol line, 4 KiB by default.
const maxPrefix = 128

const hexDigits = "0123456789ABCDEF"

// token returns a key as one token of a subject: letters, digits, - and _ as they are, and other
// bytes as = and two hexadecimal digits. Different keys have different tokens.
func token(key string) string {
	var b strings.Builder
	for i := range len(key) {
		c := key[i]
		if isPlain(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('=')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

func isPlain(c byte) bool {
	return c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// checkKey rejects a key that cannot be a token.
func checkKey(what, key string) error {
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("natshub: the name of the %s has %d bytes; use 1 to %d", what, len(key), maxKey)
	}
	return nil
}

// checkPrefix rejects a prefix that is not a subject.
func checkPrefix(prefix string) error {
	bad := prefix == "" || len(prefix) > maxPrefix
	for part := range strings.SplitSeq(prefix, ".") {
		bad = bad || part == "" || strings.IndexFunc(part, func(r rune) bool {
			return r > 127 || !isPlain(byte(r))
		}) >= 0
	}
	if bad {
		return fmt.Errorf("natshub: the prefix %q is not a subject; use up to %d letters, digits, "+
			"- and _, in parts that dots separate", prefix, maxPrefix)
	}
	return nil
}

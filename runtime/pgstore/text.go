package pgstore

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// textOf returns a string as text that PostgreSQL accepts: without NUL, and in UTF-8. Almost all
// strings are so already. Others are escaped with a backslash, as are backslashes, so that no two
// strings become the same.
func textOf(s string) string {
	if !strings.ContainsAny(s, "\x00\\") && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == 0 || r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\%02x`, s[0])
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// stringOf is the inverse of textOf.
func stringOf(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		switch at := strings.IndexByte(text, '\\'); {
		case at < 0:
			b.WriteString(text)
			text = ""
		case strings.HasPrefix(text[at:], `\\`):
			b.WriteString(text[:at+1])
			text = text[at+2:]
		default:
			var c byte
			fmt.Sscanf(text[at+1:min(at+3, len(text))], "%02x", &c)
			b.WriteString(text[:at])
			b.WriteByte(c)
			text = text[min(at+3, len(text)):]
		}
	}
	return b.String()
}

// textsOf is textOf for each string.
func textsOf(all []string) []string { return mapped(all, textOf) }

// stringsOf is stringOf for each text.
func stringsOf(all []string) []string { return mapped(all, stringOf) }

func mapped(all []string, f func(string) string) []string {
	if all == nil {
		return nil
	}
	to := make([]string, len(all))
	for i, s := range all {
		to[i] = f(s)
	}
	return to
}

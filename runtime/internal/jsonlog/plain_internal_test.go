package jsonlog

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestIsPlain puts each byte at each place of texts of several lengths.
func TestIsPlain(t *testing.T) {
	for size := range 20 {
		for at := range size {
			for c := range 256 {
				for _, fill := range []string{"a", "~", " "} {
					text := []byte(strings.Repeat(fill, size))
					text[at] = byte(c)
					checkPlain(t, string(text))
				}
			}
		}
	}
}

func FuzzIsPlain(f *testing.F) {
	f.Add("0123456789abcdef\x7f")
	f.Fuzz(checkPlain)
}

// checkPlain compares isPlain with what the package json writes.
func checkPlain(t *testing.T, text string) {
	encoded, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	same := string(encoded) == `"`+text+`"` && !strings.Contains(text, "\x7f") && isASCII(text)
	// What package json escapes only for HTML, slog does not.
	if html := strings.ContainsAny(text, "<>&"); isPlain(text) != same && !html {
		t.Errorf("%q: isPlain is %v, JSON is %s", text, isPlain(text), encoded)
	}
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > '~' })
}

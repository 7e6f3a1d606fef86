package seal_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/seal"
)

// FuzzOpen checks that no text that was not sealed opens, neither as a token nor as the decoded
// bytes of one.
func FuzzOpen(f *testing.F) {
	r := ring(f, newKey, oldKey)
	other := ring(f, seal.NewKey([]byte("nobody knows this one")))
	for _, seed := range []string{"", "garbage", other.Seal(purpose, seal.Binding{}, never, []byte("body")), r.Seal("other", seal.Binding{}, never, []byte("body"))} {
		f.Add(seed)
		raw, _ := base64.RawURLEncoding.DecodeString(seed)
		f.Add(string(raw))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, token := range []string{text, base64.RawURLEncoding.EncodeToString([]byte(text))} {
			if body, err := r.Open(purpose, seal.Binding{}, token); err == nil {
				t.Fatalf("%q opens as %q", token, body)
			}
		}
	})
}

// FuzzSeal checks that Open returns what was sealed, and only for the same purpose and binding.
func FuzzSeal(f *testing.F) {
	r, other := ring(f, newKey, oldKey), ring(f, oldKey)
	f.Add(purpose, []byte("body"), int64(0), "x")
	f.Add("", []byte(nil), int64(1<<40), "")
	f.Fuzz(func(t *testing.T, purpose string, body []byte, seconds int64, also string) {
		var binding seal.Binding
		copy(binding[:], also)
		expires := time.Unix(seconds, 0)
		untilThen := time.Until(expires)
		if expires.IsZero() || untilThen.Abs() < time.Minute {
			return // which is never, or may pass during the test
		}
		token := r.Seal(purpose, binding, expires, body)
		got, err := r.Open(purpose, binding, token)
		if late := untilThen < 0; (err == seal.ErrExpired) != late {
			t.Fatalf("got %v of a token of %v", err, expires)
		} else if !late && (err != nil || string(got) != string(body)) {
			t.Fatalf("got %q, %v; want %q", got, err, body)
		}
		if _, err := r.Open(purpose+"x", binding, token); err != seal.ErrForged {
			t.Fatalf("for another purpose: %v", err)
		}
		if _, err := other.Open(purpose, binding, token); err != seal.ErrUnknownKey {
			t.Fatalf("with another key: %v", err)
		}
	})
}

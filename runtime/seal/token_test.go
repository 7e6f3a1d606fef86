package seal_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcservice/grpcservice/runtime/seal"
)

const purpose = "/shop.v1.UserService/ListUsers"

const (
	oldSecret = "0123456789abcdef"
	newSecret = "fedcba9876543210fedcba9876543210"
)

var (
	oldKey = seal.NewKey([]byte(oldSecret))
	newKey = seal.NewKey([]byte(newSecret))
	never  time.Time
)

func ring(t testing.TB, keys ...seal.Key) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantOpens(t *testing.T, r *seal.Ring, token, want string) {
	t.Helper()
	if got, err := r.Open(purpose, seal.Binding{1}, token); err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func wantRejected(t *testing.T, r *seal.Ring, token string, want error) {
	t.Helper()
	if got, err := r.Open(purpose, seal.Binding{1}, token); !errors.Is(err, want) || got != nil {
		t.Errorf("%q: got %q, %v; want %v", token, got, err, want)
	}
}

func TestWhatIsSealedComesBack(t *testing.T) {
	r := ring(t, newKey)
	for _, body := range []string{"", "x", strings.Repeat("long", 10_000)} {
		token := r.Seal(purpose, seal.Binding{1}, never, []byte(body))
		wantOpens(t, r, token, body)
		if again := r.Seal(purpose, seal.Binding{1}, never, []byte(body)); again != token {
			t.Error("sealed twice it is two tokens")
		}
	}
}

func TestTokensAreOpaqueAndFitForURLs(t *testing.T) {
	body := []byte("Ada Lovelace, born in 1815")
	token := ring(t, newKey).Seal(purpose, seal.Binding{1}, time.Now().Add(time.Hour), body)
	if strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("%q has to be escaped in a URL", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(body) - 4 {
		if strings.Contains(string(raw), string(body[i:i+4])) {
			t.Fatalf("%q can be read", body[i:i+4])
		}
	}
}

func TestTokensAreRejected(t *testing.T) {
	r := ring(t, newKey)
	token := r.Seal(purpose, seal.Binding{1}, never, []byte("body"))
	tests := map[string]struct {
		token string
		want  error
	}{
		"nothing":             {"", seal.ErrMalformed},
		"garbage":             {"garbage", seal.ErrMalformed},
		"padding":             {token + "=", seal.ErrMalformed},
		"line breaks":         {token[:9] + "\r\n" + token[9:], seal.ErrMalformed},
		"other alphabet":      {token[:9] + "+" + token[10:], seal.ErrMalformed},
		"version to come":     {"Ag" + token[2:], seal.ErrMalformed},
		"expiry without end":  {token[:4] + strings.Repeat("_", len(token)-4), seal.ErrMalformed},
		"too much":            {token + "AAAA", seal.ErrForged},
		"of another method":   {r.Seal("/shop.v1.UserService/ListBooks", seal.Binding{1}, never, nil), seal.ErrForged},
		"of another request":  {r.Seal(purpose, seal.Binding{2}, never, nil), seal.ErrMismatch},
		"of another server":   {seal.Random().Seal(purpose, seal.Binding{1}, never, nil), seal.ErrUnknownKey},
		"of a key gone since": {ring(t, oldKey).Seal(purpose, seal.Binding{1}, never, nil), seal.ErrUnknownKey},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { wantRejected(t, r, test.token, test.want) })
	}
}

func TestNoPartOfATokenOpens(t *testing.T) {
	r := ring(t, newKey)
	token := r.Seal(purpose, seal.Binding{1}, time.Now().Add(time.Hour), []byte("body"))
	for n := range len(token) {
		if got, err := r.Open(purpose, seal.Binding{1}, token[:n]); err == nil {
			t.Errorf("the first %d characters open as %q", n, got)
		}
	}
}

func TestNoChangedBitOpens(t *testing.T) {
	r := ring(t, newKey)
	raw, err := base64.RawURLEncoding.DecodeString(r.Seal(purpose, seal.Binding{1}, time.Now().Add(time.Hour), []byte("body")))
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(raw) {
		raw[bit/8] ^= 1 << (bit % 8)
		if got, err := r.Open(purpose, seal.Binding{1}, base64.RawURLEncoding.EncodeToString(raw)); err == nil {
			t.Errorf("with bit %d changed it opens as %q", bit, got)
		}
		raw[bit/8] ^= 1 << (bit % 8)
	}
}

func TestTokensExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := ring(t, newKey)
		hour := r.Seal(purpose, seal.Binding{1}, time.Now().Add(time.Hour), []byte("hour"))
		forever := r.Seal(purpose, seal.Binding{1}, never, []byte("forever"))
		past := r.Seal(purpose, seal.Binding{1}, time.Unix(-5, 0), nil)
		wantRejected(t, r, past, seal.ErrExpired)
		time.Sleep(time.Hour - time.Second)
		wantOpens(t, r, hour, "hour")
		time.Sleep(time.Second)
		wantRejected(t, r, hour, seal.ErrExpired)
		time.Sleep(1e5 * time.Hour)
		wantOpens(t, r, forever, "forever")
	})
}

func TestKeysAreReplacedWhileTokensAreOut(t *testing.T) {
	before, added, moved, after := ring(t, oldKey), ring(t, oldKey, newKey), ring(t, newKey, oldKey), ring(t, newKey)
	byOld := added.Seal(purpose, seal.Binding{1}, never, []byte("old"))
	byNew := moved.Seal(purpose, seal.Binding{1}, never, []byte("new"))
	wantOpens(t, before, byOld, "old")
	wantOpens(t, moved, byOld, "old")
	wantOpens(t, added, byNew, "new")
	wantOpens(t, after, byNew, "new")
	wantRejected(t, after, byOld, seal.ErrUnknownKey)
}

// TestATokenIsOneText checks that a token has a single valid encoding.
func TestATokenIsOneText(t *testing.T) {
	r := ring(t, newKey)
	for length := range 3 { // so that the last character has unused bits
		token := r.Seal(purpose, seal.Binding{1}, never, make([]byte, length))
		for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=\n" {
			other := token[:len(token)-1] + string(last)
			if _, err := r.Open(purpose, seal.Binding{1}, other); err == nil && other != token {
				t.Errorf("%q opens instead of %q", other, token)
			}
		}
	}
}

// TestATokenIsForOnePurpose checks that similar purposes are different purposes.
func TestATokenIsForOnePurpose(t *testing.T) {
	r := ring(t, newKey)
	token := r.Seal("list", seal.Binding{}, never, []byte("body"))
	for _, other := range []string{"", "lis", "list\x01", "List"} {
		if _, err := r.Open(other, seal.Binding{}, token); !errors.Is(err, seal.ErrForged) {
			t.Errorf("purpose %q: %v", other, err)
		}
	}
}

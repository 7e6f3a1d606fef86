package seal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/seal"
)

func TestKeysThatAreNoGood(t *testing.T) {
	short := seal.NewKey([]byte("hunter2"))
	tests := map[string]struct {
		keys []seal.Key
		want string
	}{
		"none":  {nil, "there is no key"},
		"short": {[]seal.Key{oldKey, short}, "key 2 has 7 bytes, at least 16 are needed"},
		"twice": {[]seal.Key{newKey, oldKey, newKey}, "key 3 is the same as key 1"},
	}
	for name, test := range tests {
		_, err := seal.NewRing(test.keys...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the secret", name)
		}
	}
}

// verbs are all verbs of package fmt, and some that it does not have.
var verbs = []string{
	"%v", "%+v", "%#v", "%T", "%t", "%b", "%c", "%d", "%o", "%O", "%q", "%x", "%X", "% x", "%#x", "%U", "%e", "%E", "%f", "%F", "%g", "%G", "%s", "%10s", "%p", "%w", "%z",
}

// shows reports whether a text contains a secret, literally or as a verb formats it.
func shows(text, verb, secret string) bool {
	written := strings.Trim(fmt.Sprintf(verb, []byte(secret)), "[]{}")
	return strings.Contains(text, secret) || verb != "%T" && verb != "%p" && strings.Contains(text, written) ||
		strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(secret)))
}

func TestSecretsAreNotPrinted(t *testing.T) {
	const secret = "hunter2-hunter2-"
	key := seal.NewKey([]byte(secret))
	held := ring(t, key)
	for what, value := range map[string]any{
		"a key": key, "a pointer": &key, "keys": []seal.Key{key}, "an array": [1]seal.Key{key}, "a map": map[string]seal.Key{"a": key},
		"a field": struct{ Key seal.Key }{key}, "a field that is not exported": struct{ key seal.Key }{key},
		"fields that are not exported": struct {
			keys []seal.Key
			at   *seal.Key
		}{[]seal.Key{key}, &key},
		"a ring": held, "a ring in a field": struct{ ring *seal.Ring }{held}, "rings": []*seal.Ring{held}, "no key": seal.Key{},
	} {
		for _, verb := range verbs {
			if text := fmt.Sprintf(verb, value); shows(text, verb, secret) {
				t.Errorf("%s of %s prints %s", verb, what, text)
			}
		}
		encoded, err := json.Marshal(value)
		if err != nil || shows(string(encoded), "%s", secret) {
			t.Errorf("%s as JSON is %s, %v", what, encoded, err)
		}
		for _, handler := range []func(io.Writer, *slog.HandlerOptions) slog.Handler{
			func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) },
			func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
		} {
			var log bytes.Buffer
			slog.New(handler(&log, nil)).Info("", "value", value, slog.Group("group", "value", value))
			if shows(log.String(), "%v", secret) {
				t.Errorf("a log with %s has %s", what, log.String())
			}
		}
	}
	for _, verb := range verbs {
		if text := fmt.Sprintf(verb, key); verb != "%T" && verb != "%p" && verb != "%w" && !strings.Contains(text, "hidden") {
			t.Errorf("%s of a key prints %s", verb, text)
		}
	}
}

// Overwriting the caller's secret does not change the key.
func TestAKeyHasASecretOfItsOwn(t *testing.T) {
	secret := []byte("0123456789abcdef")
	key := seal.NewKey(secret)
	clear(secret)
	wantOpens(t, ring(t, key), ring(t, oldKey).Seal(purpose, seal.Binding{1}, never, []byte("body")), "body")
}

func TestParseKeys(t *testing.T) {
	a := base64.StdEncoding.EncodeToString([]byte(newSecret))
	b := base64.StdEncoding.EncodeToString([]byte(oldSecret))
	keys, err := seal.ParseKeys(" " + a + ",\n" + b)
	if err != nil {
		t.Fatal(err)
	}
	wantOpens(t, ring(t, newKey), ring(t, keys...).Seal(purpose, seal.Binding{1}, never, []byte("by the first")), "by the first")
	wantOpens(t, ring(t, keys...), ring(t, oldKey).Seal(purpose, seal.Binding{1}, never, []byte("by the second")), "by the second")
	for text, want := range map[string]string{
		"":              "key 1 has 0 bytes",
		a + ",":         "key 2 has 0 bytes",
		a + ",s3cr3t!!": "key 2 is not base64",
		"c2hvcnQ=":      "key 1 has 5 bytes",
		a + "," + a:     "key 2 is the same as key 1",
	} {
		if _, err := seal.ParseKeys(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// TestKeysWithOneID checks that two keys may have the same ID, because IDs are short.
func TestKeysWithOneID(t *testing.T) {
	byID := map[string]seal.Key{}
	for i := range uint64(1 << 14) {
		key := seal.NewKey(binary.BigEndian.AppendUint64(make([]byte, 8, 16), i))
		id := ring(t, key).Seal(purpose, seal.Binding{1}, never, nil)[:4] // the version and the ID
		if other, ok := byID[id]; ok {
			both := ring(t, key, other)
			wantOpens(t, both, both.Seal(purpose, seal.Binding{1}, never, []byte("first")), "first")
			wantOpens(t, both, ring(t, other).Seal(purpose, seal.Binding{1}, never, []byte("second")), "second")
			return
		}
		byID[id] = key
	}
	t.Fatal("no two keys have one id")
}

func TestRingsAreShared(t *testing.T) {
	r := seal.Random()
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for j := range 200 {
				body := fmt.Sprint(i, j)
				got, err := r.Open(purpose, seal.Binding{byte(i)}, r.Seal(purpose, seal.Binding{byte(i)}, never, []byte(body)))
				if err != nil || string(got) != body {
					t.Errorf("got %q, %v; want %q", got, err, body)
				}
			}
		})
	}
	users.Wait()
}

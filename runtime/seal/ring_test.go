package seal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/seal"
)

func TestKeysThatAreNoGood(t *testing.T) {
	short := seal.Key{Secret: []byte("hunter2")}
	tests := map[string]struct {
		keys []seal.Key
		want string
	}{
		"none":  {nil, "there is no key"},
		"short": {[]seal.Key{oldKey, short}, "key 2 has 7 bytes, at least 16 are needed"},
		"twice": {[]seal.Key{newKey, oldKey, newKey}, "key 3 is key 1 again"},
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

func TestSecretsAreNotPrinted(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(verb, seal.Key{Secret: []byte("hunter2-hunter2-")}); strings.Contains(text, "hunter2") || !strings.Contains(text, "hidden") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("", "key", oldKey, "config", struct{ Keys []seal.Key }{[]seal.Key{oldKey}})
	if text := log.String(); strings.Contains(text, base64.StdEncoding.EncodeToString(oldKey.Secret)) || strings.Count(text, "hidden") != 2 {
		t.Errorf("a log in JSON has %s", text)
	}
}

func TestParseKeys(t *testing.T) {
	a := base64.StdEncoding.EncodeToString(newKey.Secret)
	b := base64.StdEncoding.EncodeToString(oldKey.Secret)
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
		a + "," + a:     "key 2 is key 1 again",
	} {
		if _, err := seal.ParseKeys(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// TestKeysWithOneID holds that ids, which are short, may be the same.
func TestKeysWithOneID(t *testing.T) {
	byID := map[string]seal.Key{}
	for i := range uint64(1 << 14) {
		key := seal.Key{Secret: binary.BigEndian.AppendUint64(make([]byte, 8, 16), i)}
		id := ring(t, key).Seal(purpose, seal.Binding{1}, never, nil)[:4] // the version and the id
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

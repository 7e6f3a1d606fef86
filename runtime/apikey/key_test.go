package apikey_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/apikey"
)

// weak are keys that are rejected, by what is wrong with them.
var weak = map[string]struct{ key, want string }{
	"empty":            {"", "less than 32"},
	"short":            {"0123456789abcdef0123456789abcde", "less than 32"},
	"password":         {"correct horse battery staple and so on", "visible ASCII"},
	"one character":    {strings.Repeat("a", 64), "different characters"},
	"seven characters": {strings.Repeat("abcdefg", 8), "different characters"},
	"huge":             {strings.Repeat("0123456789abcdef", 40), "more than 512"},
	"not ASCII":        {"0123456789abcdef0123456789abcdeß", "visible ASCII"},
	"line feed":        {"0123456789abcdef0123456789abcdef\n", "visible ASCII"},
}

func TestKeysThatAreNotRandomAreRejected(t *testing.T) {
	for name, test := range weak {
		_, err := apikey.HashOf(test.key)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if err != nil && test.key != "" && strings.Contains(err.Error(), test.key) {
			t.Errorf("%s: the error has the key: %v", name, err)
		}
	}
}

func TestGeneratedKeysAreAccepted(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		key := "shop_" + apikey.Generate()
		hash, err := apikey.HashOf(key)
		if err != nil || seen[key] || hash != sha256.Sum256([]byte(key)) {
			t.Fatalf("%q: %v, seen %v", key, err, seen[key])
		}
		seen[key] = true
	}
}

func TestParseHashReadsWhatSha256sumPrints(t *testing.T) {
	sum := sha256.Sum256([]byte("key"))
	text := hex.EncodeToString(sum[:])
	for _, good := range []string{text, strings.ToUpper(text)} {
		if hash, err := apikey.ParseHash(good); err != nil || hash != sum {
			t.Errorf("%q: %x, %v", good, [32]byte(hash), err)
		}
	}
	secret := "shop_" + apikey.Generate() + apikey.Generate() // a key instead of its hash
	for _, bad := range []string{"", text[1:], text + "0", text + "  -", "sha256:" + text, secret, secret[:64], strings.Repeat("ß", 32)} {
		_, err := apikey.ParseHash(bad)
		if err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestHashesArePrintedShort(t *testing.T) {
	hash := apikey.Hash(sha256.Sum256([]byte("key")))
	key := apikey.Key{Hash: hash, Principal: "ci"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("", "hash", hash)
	for _, text := range []string{fmt.Sprint(hash), fmt.Sprintf("%x", hash), fmt.Sprintf("%#v", hash), fmt.Sprintf("%+v", key), log.String()} {
		if !strings.Contains(text, "2c70e12b") || strings.Contains(text, "2c70e12b7") {
			t.Errorf("printed as %s", text)
		}
	}
}

func FuzzHashOf(f *testing.F) {
	for _, test := range weak {
		f.Add(test.key)
	}
	f.Add("shop_" + apikey.Generate())
	f.Fuzz(func(t *testing.T, key string) {
		hash, err := apikey.HashOf(key)
		if err != nil && len(key) > 20 && strings.Contains(err.Error(), key) {
			t.Errorf("the error has the key: %v", err)
		}
		if err == nil && hash != sha256.Sum256([]byte(key)) {
			t.Errorf("%q: %x", key, [32]byte(hash))
		}
	})
}

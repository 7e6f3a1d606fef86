package apikey_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/apikey"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// entryOf is a key in a file.
func entryOf(t testing.TB, key, rest string) string {
	hash := hashOf(t, key)
	return fmt.Sprintf(`{"hash": %q, %s}`, hex.EncodeToString(hash[:]), rest)
}

func fileOf(entries ...string) string { return `{"keys": [` + strings.Join(entries, ",\n") + `]}` }

// replace writes a file as a rename does, so that no reader sees half of it.
func replace(t testing.TB, path, content string) {
	t.Helper()
	temporary := filepath.Join(t.TempDir(), "new")
	if err := os.WriteFile(temporary, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, path); err != nil {
		t.Fatal(err)
	}
}

func TestKeysOfAFileAreRotated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	first := entryOf(t, ciKey, `"principal": "ci", "scopes": ["read"]`)
	second := entryOf(t, ciNewKey, `"principal": "ci", "scopes": ["read"], "expires": "2999-01-01T00:00:00Z"`)
	replace(t, path, fileOf(first))
	log := new(echotest.Records)
	keys, err := apikey.Open(path, apikey.WithLogger(log.Logger(slog.LevelInfo)))
	if err != nil {
		t.Fatal(err)
	}
	srv, _ := serve(t, server.WithAuthenticator(keys))
	for step, test := range []struct {
		content  string
		ok       bool // whether the file can be used
		old, new codes.Code
	}{
		{fileOf(first), true, codes.OK, codes.Unauthenticated},
		{fileOf(first, second), true, codes.OK, codes.OK},
		{fileOf(second)[:40], false, codes.OK, codes.OK}, // half written
		{"", false, codes.OK, codes.OK},
		{fileOf(second), true, codes.Unauthenticated, codes.OK},
		{fileOf(), true, codes.Unauthenticated, codes.Unauthenticated},
	} {
		replace(t, path, test.content)
		if err := keys.Check(); (err == nil) != test.ok || err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("step %d: %v", step, err)
		}
		for key, want := range map[string]codes.Code{ciKey: test.old, ciNewKey: test.new} {
			for kind, call := range echotest.Kinds {
				ctx := metadata.AppendToOutgoingContext(echotest.Context(t), "x-api-key", key)
				if err := call(ctx, srv.Conn); status.Code(err) != want {
					t.Errorf("step %d, %s: %v, want %v", step, kind, err, want)
				}
			}
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := keys.Check(); err == nil {
		t.Error("a file that is gone is no error")
	}
	if text := log.Text(); !strings.Contains(text, "the previous ones stay valid") || !strings.Contains(text, "API keys read") {
		t.Errorf("the log is %s", text)
	}
	checkHidden(t, log.Text())
}

// Calls go on while the file is replaced.
func TestKeysAreRotatedUnderLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	always, sometimes := entryOf(t, ciKey, `"principal": "ci", "scopes": ["read"]`), entryOf(t, adaKey, `"principal": "ada"`)
	replace(t, path, fileOf(always))
	keys, err := apikey.Open(path, apikey.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	srv, _ := serve(t, server.WithAuthenticator(keys))
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(echotest.Context(t))
	defer cancel()
	for kind, call := range echotest.Kinds {
		group.Go(func() {
			for range 100 {
				if err := call(metadata.AppendToOutgoingContext(ctx, "x-api-key", ciKey), srv.Conn); err != nil {
					t.Errorf("%s: %v", kind, err)
				}
			}
		})
	}
	for i := range 100 {
		replace(t, path, []string{fileOf(always), fileOf(always, sometimes), fileOf(always)[:30]}[i%3])
		_ = keys.Check()
	}
	group.Wait()
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	good := entryOf(t, ciKey, `"principal": "ci"`)
	for name, test := range map[string]struct{ content, want string }{
		"empty":             {"", "it is empty"},
		"null":              {"null", `there are no "keys"`},
		"no keys":           {"{}", `there are no "keys"`},
		"a list":            {"[]", "cannot unmarshal array"},
		"two values":        {fileOf(good) + "{}", "more than one JSON value"},
		"unknown field":     {`{"keys": [], "Key": 1}`, `unknown field "Key"`},
		"key, not its hash": {fileOf(good, fmt.Sprintf(`{"hash": %q, "principal": "ada"}`, adaKey)), "key 2: a hash has 64 hexadecimal digits"},
		"key in the clear":  {fileOf(fmt.Sprintf(`{"key": %q, "principal": "ada"}`, adaKey)), `key 1: json: unknown field "key"`},
		"no hash":           {fileOf(`{"principal": "ci"}`), "key 1: a hash has 64"},
		"zero hash":         {fileOf(`{"principal": "ci", "hash": "` + strings.Repeat("0", 64) + `"}`), "key 1: there is no hash"},
		"no principal":      {fileOf(entryOf(t, ciKey, `"principal": ""`)), "key 1: there is no principal"},
		"twice":             {fileOf(good, good), "key 2: it has the hash of key 1"},
		"bad date":          {fileOf(entryOf(t, ciKey, `"principal": "ci", "expires": "tomorrow"`)), "key 1: parsing time"},
		"zero date":         {fileOf(entryOf(t, ciKey, `"principal": "ci", "expires": "0001-01-01T00:00:00Z"`)), "key 1: expires is the zero time"},
		"scopes":            {fileOf(entryOf(t, ciKey, `"principal": "ci", "scopes": "read"`)), "key 1: json: cannot unmarshal string"},
		"huge":              {strings.Repeat(" ", 9<<20), "larger than"},
	} {
		path := filepath.Join(t.TempDir(), "keys.json")
		replace(t, path, test.content)
		_, err := apikey.Open(path)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q and the path", name, err, test.want)
		}
		if err != nil {
			checkHidden(t, err.Error())
		}
	}
	if _, err := apikey.Open(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that does not exist is no error")
	}
}

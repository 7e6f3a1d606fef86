//go:build !race

package apikey_test

import (
	"context"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/apikey"
	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
)

// TestAuthenticateAllocations checks that a call costs the copy of its header, which grpc makes.
func TestAuthenticateAllocations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	replace(t, path, fileOf(entryOf(t, ciKey, `"principal": "ci"`)))
	file, err := apikey.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]*apikey.Authenticator{
		"keys": newAuthenticator(t, keysOf(t)), "file": file,
		"scheme": newAuthenticator(t, keysOf(t), apikey.WithScheme("ApiKey")),
	} {
		authenticate := a.Bind(runtime.MethodInfo{})
		for key, valid := range map[string]bool{ciKey: true, unknownKey: false, "": false} {
			md := metadata.MD{"x-api-key": {key}, "authorization": {"ApiKey " + key}}
			ctx := metadata.NewIncomingContext(context.Background(), md)
			got := alloctest.Least(func() {
				if p, err := authenticate(ctx); (err == nil && p != nil) != valid {
					t.Fatal(p, err)
				}
			})
			if got > 1 {
				t.Errorf("%s, key %q: %v allocations, at most 1", name, key, got)
			}
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	authenticate := newAuthenticator(b, keysOf(b)).Bind(runtime.MethodInfo{})
	ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs("x-api-key", ciKey))
	for b.Loop() {
		if _, err := authenticate(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

//go:build !race

package callcreds_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/callcreds"
	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
)

// TestCredentialsAllocations holds that credentials add nothing to what grpc does with them.
func TestCredentialsAllocations(t *testing.T) {
	token, err := callcreds.Token(secret)
	if err != nil {
		t.Fatal(err)
	}
	file, err := callcreds.TokenFile(write(t, secret))
	if err != nil {
		t.Fatal(err)
	}
	access := oauth2(t, func(*http.Request) (*http.Response, error) { return respond(200, issued(1, "3600")) })
	ctx := context.Background()
	for name, creds := range map[string]*callcreds.Credentials{"token": token, "file": file, "OAuth2": access} {
		if _, err := creds.GetRequestMetadata(ctx); err != nil {
			t.Fatal(err)
		}
		got := alloctest.Least(func() {
			if _, err := creds.GetRequestMetadata(ctx); err != nil {
				t.Fatal(err)
			}
		})
		if got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

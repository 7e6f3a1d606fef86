package jwtauth

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// empty is a source whose keys are too old to be used.
type empty struct{ fixed }

func (empty) current(time.Time) *keySet { return nil }

func (empty) newer(context.Context, *keySet, time.Time) (*keySet, error) {
	return nil, fmt.Errorf("the issuer is down")
}

// TestOldKeysEndCachedTokens checks that a cached token is not accepted with keys that may not be
// used any more, and is accepted again with keys.
func TestOldKeysEndCachedTokens(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(WithIssuer("id"), WithAudience("a"), WithKey("", public))
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	payload := fmt.Sprintf(`{"iss":"id","aud":"a","sub":"s","exp":%d}`, time.Now().Unix()+60)
	signed := b64([]byte(`{"alg":"EdDSA"}`)) + "." + b64([]byte(payload))
	ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs(
		"authorization", "Bearer "+signed+"."+b64(ed25519.Sign(private, []byte(signed)))))
	source := a.source
	for range 2 {
		if p, err := a.authenticate(ctx); p == nil {
			t.Fatal(err)
		}
	}
	a.source = empty{}
	if p, err := a.authenticate(ctx); p != nil || rpcerr.ReasonOf(err) != ReasonKeysUnavailable {
		t.Errorf("%v, %v", p, err)
	}
	a.source = source
	if p, err := a.authenticate(ctx); p == nil {
		t.Error(err)
	}
}

// TestOwnClientLeavesNothing checks that the package's own HTTP client keeps no connection, with
// HTTP/2 either.
func TestOwnClientLeavesNothing(t *testing.T) {
	servicetest.NoLeaks(t)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	client := newClient(nil)
	transport := client.Transport.(*http.Transport)
	transport.TLSClientConfig.RootCAs = srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	f := &fetcher{client: client}
	for range 3 {
		if body, _, err := f.get(t.Context(), srv.URL); err != nil || string(body) != "HTTP/2.0" {
			t.Errorf("%q, %v", body, err)
		}
	}
	if transport.TLSClientConfig.MinVersion != tls.VersionTLS12 {
		t.Error("TLS below 1.2")
	}
}

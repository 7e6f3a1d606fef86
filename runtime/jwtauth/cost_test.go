//go:build !race

package jwtauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
	"github.com/grpcservice/grpcservice/runtime/jwtauth"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// incoming returns the context of a call with a token, and other metadata.
func incoming(token string) context.Context {
	return metadata.NewIncomingContext(context.Background(), metadata.Pairs(
		"authorization", "Bearer "+token, "user-agent", "grpc-go", "x-request-id", "1"))
}

// TestAllocationsOfCachedToken has a cached token cost no allocation.
func TestAllocationsOfCachedToken(t *testing.T) {
	i := newIssuer(t, rsaKey())
	revoked := func(context.Context, *jwtauth.Claims) (bool, error) { return false, nil }
	for name, a := range map[string]*jwtauth.Authenticator{
		"plain": i.authenticator(t), "with revocation": i.authenticator(t, jwtauth.WithRevocation(revoked)),
	} {
		token := i.token(rsaKey())
		accept(t, a, token)
		authenticate, ctx := a.Bind(runtime.MethodInfo{}), incoming(token)
		n := alloctest.Least(func() {
			if p, err := authenticate(ctx); p == nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

// TestAllocationsOfSeveralIssuers does so for a cached token of the last of three issuers.
func TestAllocationsOfSeveralIssuers(t *testing.T) {
	key := p256("key")
	last := newIssuer(t, key)
	all, err := jwtauth.Issuers(newIssuer(t).authenticator(t), newIssuer(t).authenticator(t), last.authenticator(t))
	if err != nil {
		t.Fatal(err)
	}
	authenticate, ctx := all.Bind(runtime.MethodInfo{}), incoming(last.token(key))
	n := alloctest.Least(func() {
		if p, err := authenticate(ctx); p == nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// BenchmarkCachedToken measures a call with a token that has been verified before.
func BenchmarkCachedToken(b *testing.B) {
	for _, key := range []signer{rsaKey(), p256("ec")} {
		b.Run(key.alg, func(b *testing.B) {
			i := newIssuer(b, key)
			token := i.token(key)
			authenticate, ctx := i.authenticator(b).Bind(runtime.MethodInfo{}), incoming(token)
			if p, err := authenticate(ctx); p == nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(len(token)), "bytes/token")
			b.ReportAllocs()
			for b.Loop() {
				if p, err := authenticate(ctx); p == nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerifiedToken measures a call with a new token, and with one that is rejected.
func BenchmarkVerifiedToken(b *testing.B) {
	key := p256("ec")
	i := newIssuer(b, key)
	a := i.authenticator(b, jwtauth.WithCache(0, 0))
	for name, token := range map[string]string{
		"good": i.token(key), "expired": key.sign(nil, i.claims(m{"exp": 1})),
		"forged": i.token(p256("ec")),
	} {
		b.Run(name, func(b *testing.B) {
			authenticate, ctx := a.Bind(runtime.MethodInfo{}), incoming(token)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = authenticate(ctx)
			}
		})
	}
}

// TestBadTokensLeaveNothing sends 100,000 distinct bad tokens, from several callers: memory stays
// flat, the issuer is asked a few times, and what is cached stays cached.
func TestBadTokensLeaveNothing(t *testing.T) {
	servicetest.NoLeaks(t)
	key := edSigner("key")
	i := newIssuer(t, key)
	a := i.authenticator(t)
	token := i.token(key)
	p := accept(t, a, token)
	start := time.Now()
	heap := func() uint64 {
		var stats goruntime.MemStats
		goruntime.GC()
		goruntime.GC()
		goruntime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	payload := must(json.Marshal(i.claims(nil)))
	before := heap()
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for n := range 25_000 {
				header := fmt.Appendf(nil, `{"alg":"EdDSA","kid":"%d of %d"}`, n, worker)
				if n%50 == 0 { // a signature to verify
					header = fmt.Appendf(nil, `{"alg":"EdDSA","kid":"key","n":%d}`, n*4+worker)
				}
				forged := encode(header) + "." + encode(payload) + "." + encode(fmt.Appendf(make([]byte, 0, 64), "%064d", rand.Int()))
				if p, err := call(a, "Bearer "+forged); p != nil || status.Code(err) != codes.Unauthenticated {
					t.Errorf("%v, %v", p, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if after := heap(); after > before+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	if n, most := i.fetches.Load(), int64(time.Since(start)/(10*time.Second))+2; n > most {
		t.Errorf("%d fetches, want at most %d", n, most)
	}
	if again := accept(t, a, token); again != p {
		t.Error("the cached token was verified again")
	}
}

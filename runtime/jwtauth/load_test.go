package jwtauth_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/jwtauth"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// rotation is an issuer that rotates its keys while tokens are checked.
type rotation struct {
	*issuer
	mu      sync.Mutex
	current signer
}

func (r *rotation) signing() signer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// rotate signs with another key from now on. The old one stays published.
func (r *rotation) rotate(next signer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = next
}

// TestRotation rotates keys under load, over a real server and for each kind of RPC: no good token
// is rejected, and no bad one accepted. An issuer that signs with a key at once is tested with bad
// tokens that are not plausible; one that publishes keys first, with floods of unknown keys too.
func TestRotation(t *testing.T) {
	t.Run("used at once", func(t *testing.T) { rotateUnderLoad(t, 0, false) })
	t.Run("published before", func(t *testing.T) { rotateUnderLoad(t, 1500*time.Millisecond, true) })
}

func rotateUnderLoad(t *testing.T, ahead time.Duration, flood bool) {
	servicetest.NoLeaks(t)
	first := p256("key 0")
	r := &rotation{issuer: newIssuer(t, first), current: first}
	r.cached = "max-age=0"
	a := r.authenticator(t, jwtauth.WithRefresh(time.Second, time.Second), jwtauth.WithUnknownKeyInterval(time.Second))
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{AllOf: []string{"books.read"}}}),
			echotest.Behaving(func(context.Context) error { return nil }))
	}, server.WithAuthenticator(a))
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	var good, bad atomic.Int64
	var wg sync.WaitGroup
	kinds := slices.Sorted(maps.Keys(echotest.Kinds))
	try := func(n int, token string) error {
		ctx := metadata.AppendToOutgoingContext(context.WithoutCancel(ctx), "authorization", "Bearer "+token)
		return echotest.Kinds[kinds[n%len(kinds)]](ctx, srv.Conn)
	}
	for worker := range 4 {
		wg.Go(func() {
			for n := worker; ctx.Err() == nil; n++ {
				// Cached in half of the cases.
				token := r.signing().sign(nil, r.claims(m{"jti": fmt.Sprint(n / 2)}))
				if err := try(n, token); err != nil {
					t.Errorf("a good token is rejected: %v", err)
				}
				good.Add(1)
			}
		})
	}
	// noticed waits until the authenticator has what is published now: a second fetch begins after
	// the first has ended.
	noticed := func() {
		t.Helper()
		before := r.fetches.Load()
		for start := time.Now(); r.fetches.Load() < before+2; time.Sleep(10 * time.Millisecond) {
			if time.Since(start) > time.Minute || ctx.Err() != nil {
				t.Error("the keys are not fetched")
				return
			}
		}
	}
	forger := p256("forger")
	wg.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			token := r.signing().sign(nil, r.claims(m{"exp": time.Now().Unix() - 100 - int64(n)}))
			if flood && n%3 == 1 {
				token = r.token(forger.as(fmt.Sprint("unknown ", n), "ES256"))
			} else if flood && n%3 == 2 {
				token = r.token(forger.as(r.signing().id, "ES256"))
			}
			if err := try(n, token); status.Code(err) != codes.Unauthenticated {
				t.Errorf("a bad token gets %v", err)
			}
			bad.Add(1)
		}
	})
	keys := []signer{first}
	for n := range 3 {
		next := p256(fmt.Sprint("key ", n+1))
		keys = append(keys, next)
		r.publish(keys[max(0, len(keys)-2):]...)
		if ahead > 0 {
			time.Sleep(ahead)
			noticed()
		}
		r.rotate(next)
		time.Sleep(1500 * time.Millisecond)
	}
	noticed()
	stop()
	wg.Wait()
	if good.Load() < 20 || bad.Load() < 5 {
		t.Errorf("only %d good and %d bad tokens", good.Load(), bad.Load())
	}
	for n, k := range keys[:2] { // withdrawn for longer than it takes to notice
		if err := try(n, r.token(k)); status.Code(err) != codes.Unauthenticated {
			t.Errorf("a token of a withdrawn key gets %v", err)
		}
	}
	t.Logf("%d good and %d bad tokens, %d fetches", good.Load(), bad.Load(), r.fetches.Load())
}

//go:build !race

// The race detector adds allocations.

package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
)

// clientContext is the context of a call as a transport makes it: with a deadline, a peer,
// credentials and a request ID.
func clientContext(t *testing.T, token string) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	ctx = peer.NewContext(ctx, &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 4711}})
	return metadata.NewIncomingContext(ctx, metadata.Pairs("authorization", token, "x-request-id", "abc"))
}

// cachedAuthenticator knows one token, as an authenticator does that has verified it before.
func cachedAuthenticator() Authenticator {
	ada := runtime.NewPrincipal("ada", "read", "write")
	return AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
		if token := metadata.ValueFromIncomingContext(ctx, "authorization"); len(token) == 1 && token[0] == "good" {
			return ada, nil
		}
		return nil, nil
	})
}

// everything is a policy that asks all there is.
var everything = runtime.Policy{
	Timeout: time.Second, MaxTimeout: time.Hour,
	Auth:        &runtime.Auth{AllOf: []string{"read", "write"}},
	Rates:       []runtime.Rate{{PerSecond: 1e6, Burst: 1e6}, {PerSecond: 1e6, Burst: 1e6, Key: runtime.ByPrincipal}},
	Concurrency: runtime.Concurrency{Limit: 100},
}

// handlerOf returns the handler of a unary method with the policy.
func handlerOf(p runtime.Policy, opts ...Option) grpc.MethodHandler {
	table := runtime.NewService("t.S", healthpb.File_grpc_health_v1_health_proto, runtime.Unary("Check", healthService.check, p))
	return describe[healthService](newPipeline(newSettings(append([]Option{WithAuthenticator(cachedAuthenticator())}, opts...))), table, newHealth().onServer()).Methods[0].Handler
}

// allocsOf counts the allocations of one call that ends with want.
func allocsOf(t *testing.T, ctx context.Context, handler grpc.MethodHandler, impl any, want codes.Code) float64 {
	t.Helper()
	return allocsOfDecoding(t, ctx, impl, handler, func(any) error { return nil }, want)
}

// allocsOfDecoding is allocsOf with a request that decode fills.
func allocsOfDecoding(
	t *testing.T, ctx context.Context, impl any, handler grpc.MethodHandler, decode func(any) error, want codes.Code,
) float64 {
	t.Helper()
	return testing.AllocsPerRun(200, func() {
		if _, err := handler(impl, ctx, decode, nil); status.Code(err) != want {
			t.Fatal(err)
		}
	})
}

// TestPipelineAllocations holds what all of a policy costs over a bare handler.
func TestPipelineAllocations(t *testing.T) {
	good, unknown := clientContext(t, "good"), clientContext(t, "bad")
	bare := allocsOf(t, good, healthpb.Health_ServiceDesc.Methods[0].Handler, stockHealth{}, codes.OK)
	json := WithLogger(slog.New(slog.NewJSONHandler(io.Discard, nil)))
	off := WithLogger(slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError})))

	if got := allocsOf(t, good, handlerOf(everything, json), nil, codes.OK); got > bare+3 {
		t.Errorf("with a log record: %v allocations, a bare handler has %v; at most 3 more", got, bare)
	}
	served := allocsOf(t, good, handlerOf(everything, off), nil, codes.OK)
	if served > bare+2 {
		t.Errorf("with the log's level off: %v allocations, a bare handler has %v; at most 2 more", served, bare)
	}
	if got := allocsOf(t, good, handlerOf(everything, off, WithIdempotency(new(twice))), nil, codes.OK); got != served {
		t.Errorf("with a guard of other methods: %v allocations, %v without", got, served)
	}
	nobody := AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { return nil, nil })
	second := WithAuthenticator(nobody, cachedAuthenticator())
	if got := allocsOf(t, good, handlerOf(everything, off, second), nil, codes.OK); got != served {
		t.Errorf("with two authenticators: %v allocations, %v with one", got, served)
	}
	direct, proxied := good, metadata.NewIncomingContext(good, metadata.Pairs(
		"authorization", "good", "x-request-id", "abc", "x-forwarded-for", "203.0.113.9, 10.0.0.9"))
	strangers := WithTrustedProxies(netip.MustParsePrefix("192.0.2.0/24"))
	trusted := WithTrustedProxies(netip.MustParsePrefix("10.0.0.0/24"))
	for name, test := range map[string]struct {
		ctx    context.Context
		option Option
		more   float64
	}{
		"not from a proxy":       {proxied, strangers, 0},
		"a proxy without header": {direct, trusted, 0},
		"a proxy":                {proxied, trusted, 1}, // the address
	} {
		if got := allocsOf(t, test.ctx, handlerOf(everything, off, test.option), nil, codes.OK); got > served+test.more {
			t.Errorf("%s: %v allocations, %v without the option; at most %v more", name, got, served, test.more)
		}
	}
	limited := everything
	limited.Rates = []runtime.Rate{{PerSecond: 1e-6, Burst: 1}}
	handler := handlerOf(limited, off)
	_ = allocsOf(t, good, handlerOf(everything, off), nil, codes.OK)
	if _, err := handler(nil, good, func(any) error { return nil }, nil); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		ctx     context.Context
		handler grpc.MethodHandler
		code    codes.Code
	}{
		"unknown caller": {unknown, handlerOf(everything, off), codes.Unauthenticated},
		"too many calls": {good, handler, codes.ResourceExhausted},
	} {
		if got := allocsOf(t, test.ctx, test.handler, nil, test.code); got >= served {
			t.Errorf("%s: %v allocations, a call that is served has %v", name, got, served)
		}
	}
}

// TestPolicyFileAllocations checks that a policy file makes no call allocate more.
func TestPolicyFileAllocations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	good, off := clientContext(t, "good"), WithLogger(slog.New(slog.DiscardHandler))
	for name, policy := range map[string]runtime.Policy{"all": everything, "auth": {Auth: &runtime.Auth{}}} {
		without := allocsOf(t, good, handlerOf(policy, off), nil, codes.OK)
		if with := allocsOf(t, good, handlerOf(policy, off, WithPolicyFile(path)), nil, codes.OK); with != without {
			t.Errorf("%s: %v allocations, without a policy file %v", name, with, without)
		}
	}
}

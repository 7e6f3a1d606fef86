package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc/metadata"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/apikey"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/jwtauth"
	"github.com/grpcservice/grpcservice/runtime/limit"
)

// growers are what holds something for each caller, room or key.
func growers(ctx context.Context) []growing {
	all := []int{10_000, 100_000, 1_000_000}
	return []growing{
		{"a map behind a lock, for comparison", all, fillMap},
		{"rate of a principal", all, fillRates},
		{"rate of a principal, with room for 65,536", all, fillFullRates},
		{"API key", all, func(n int) (keyCall, error) { return fillAPIKeys(ctx, n) }},
		// Signing and verifying a million takes minutes.
		{"JSON Web Token in the cache", []int{10_000, 100_000}, func(n int) (keyCall, error) { return fillTokens(ctx, n) }},
		{"message to one of the rooms", all, func(n int) (keyCall, error) { return fillHub(ctx, n, publishOne) }},
		{"join one of the rooms, and leave", all, func(n int) (keyCall, error) { return fillHub(ctx, n, joinOne) }},
		{"idempotency key, replayed", all, func(n int) (keyCall, error) { return fillIdempotency(ctx, n, replayOne) }},
		{"idempotency key, new", all, func(n int) (keyCall, error) { return fillIdempotency(ctx, n, claimOne) }},
	}
}

// keyNames returns texts of the length of an ID, of which each is its own allocation.
func keyNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = "principals/" + strconv.Itoa(1_000_000_000+i)
	}
	return names
}

func fillMap(n int) (keyCall, error) {
	var mu sync.Mutex
	names, held := keyNames(n), make(map[string]int)
	for _, name := range names {
		held[name] = 1
	}
	return func(key int) error {
		mu.Lock()
		defer mu.Unlock()
		held[names[key]]++
		return nil
	}, nil
}

func fillRates(n int) (keyCall, error) { return fillRate(n, 2*n) }

func fillFullRates(n int) (keyCall, error) { return fillRate(n, limit.DefaultMaxKeys) }

// fillRate lets each key take from its rate, so slow that none is forgotten.
func fillRate(n, room int) (keyCall, error) {
	names, rate := keyNames(n), limit.NewKeyedRate(0.001, 1_000_000, room)
	now := time.Now()
	for _, name := range names {
		rate.Take(name, now)
	}
	return func(key int) error {
		rate.Take(names[key], time.Now())
		return nil
	}, nil
}

func fillAPIKeys(ctx context.Context, n int) (keyCall, error) {
	texts, keys := make([]string, n), make([]apikey.Key, n)
	for i := range texts {
		texts[i] = apikey.Generate()
		hash, err := apikey.HashOf(texts[i])
		if err != nil {
			return nil, err
		}
		keys[i] = apikey.Key{Hash: hash, Principal: "principals/" + strconv.Itoa(i)}
	}
	keyring, err := apikey.New(keys)
	if err != nil {
		return nil, err
	}
	authenticate := keyring.Bind(runtime.MethodInfo{})
	return func(key int) error {
		md := metadata.Pairs("x-api-key", texts[key])
		_, err := authenticate(metadata.NewIncomingContext(ctx, md))
		return err
	}, nil
}

// fillTokens verifies each token once.
func fillTokens(ctx context.Context, n int) (keyCall, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	issuer, err := jwtauth.New(jwtauth.WithIssuer(tokenIssuer), jwtauth.WithAudience(tokenAudience),
		jwtauth.WithKey("1", public), jwtauth.WithCache(4*n, time.Hour))
	if err != nil {
		return nil, err
	}
	authenticate := issuer.Bind(runtime.MethodInfo{})
	texts := make([]string, n)
	call := func(key int) error {
		md := metadata.Pairs("authorization", texts[key])
		_, err := authenticate(metadata.NewIncomingContext(ctx, md))
		return err
	}
	for i := range texts {
		token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
			"iss": tokenIssuer, "aud": tokenAudience, "sub": strconv.Itoa(i), "exp": time.Now().Add(time.Hour).Unix(),
		})
		token.Header["kid"] = "1"
		text, err := token.SignedString(private)
		if err != nil {
			return nil, err
		}
		texts[i] = "Bearer " + text
		if err := call(i); err != nil {
			return nil, err
		}
	}
	return call, nil
}

// fillHub has one member in each room, whose queue keeps one message.
func fillHub(
	ctx context.Context, n int, do func(context.Context, *hub.Hub[kindsv1.Response], string) error,
) (keyCall, error) {
	rooms := hub.New[kindsv1.Response](hub.WithMaxRooms(2*n), hub.WithMaxMembers(2*n),
		hub.WithMaxPerPrincipal(2*n), hub.WithMaxBytes(1<<40), hub.WithQueue(1), hub.WithSlow(hub.DropOldest))
	names := keyNames(n)
	for _, name := range names {
		if _, err := rooms.Join(ctx, name); err != nil {
			return nil, err
		}
	}
	return func(key int) error { return do(ctx, rooms, names[key]) }, nil
}

func publishOne(ctx context.Context, rooms *hub.Hub[kindsv1.Response], name string) error {
	return rooms.Publish(ctx, name, welcome)
}

func joinOne(ctx context.Context, rooms *hub.Hub[kindsv1.Response], name string) error {
	member, err := rooms.Join(ctx, name)
	if err == nil {
		member.Disconnect(nil)
	}
	return err
}

// fillIdempotency stores a response for each key.
func fillIdempotency(
	ctx context.Context, n int, do func(context.Context, idempotency.Store, idempotency.Key) error,
) (keyCall, error) {
	store := idempotency.Memory(idempotency.WithMaxBytes(16 << 30))
	keys := make([]idempotency.Key, n)
	for i := range keys {
		keys[i] = idempotency.Key{
			Principal: "principals/" + strconv.Itoa(i%1000), Method: "/policy.v1.FullService/Unary",
			IdempotencyKey: strconv.Itoa(1_000_000_000 + i),
		}
		if _, err := store.Begin(ctx, claimOf(keys[i])); err != nil {
			return nil, err
		}
		if err := store.Finish(ctx, keys[i], idempotency.Fence{1}, []byte("response"), time.Hour); err != nil {
			return nil, err
		}
	}
	return func(key int) error { return do(ctx, store, keys[key]) }, nil
}

func claimOf(key idempotency.Key) idempotency.Claim {
	return idempotency.Claim{Key: key, Fence: idempotency.Fence{1}, Lease: time.Minute}
}

func replayOne(ctx context.Context, store idempotency.Store, key idempotency.Key) error {
	_, err := store.Begin(ctx, claimOf(key))
	return err
}

// claimOne claims a key that nobody has, and releases it, so that the number of keys remains.
func claimOne(ctx context.Context, store idempotency.Store, key idempotency.Key) error {
	key.IdempotencyKey += "-new"
	if _, err := store.Begin(ctx, claimOf(key)); err != nil {
		return err
	}
	return store.Release(ctx, key, idempotency.Fence{1})
}

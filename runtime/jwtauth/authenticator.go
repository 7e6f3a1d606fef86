package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Authenticator authenticates callers by tokens. It implements [server.Authenticator]. Its methods
// may be called concurrently.
type Authenticator struct {
	verifier
	source       source
	cache        *cache // nil without one
	maxTokenSize int
	revoked      RevokedFunc // may be nil
	now          func() time.Time
	counts       counts
}

// RevokedFunc reports whether a token is revoked: see [WithRevocation].
type RevokedFunc func(ctx context.Context, claims *Claims) (bool, error)

// Bind implements [server.Authenticator]: all methods accept the same tokens.
func (a *Authenticator) Bind(runtime.MethodInfo) server.AuthenticateFunc { return a.authenticate }

// Ready fetches the keys if there are none, and returns an error if no token can be verified. The
// program may call it before it serves, or for a readiness probe; a server works without.
func (a *Authenticator) Ready(ctx context.Context) error { return a.source.ready(ctx, a.now()) }

// Run keeps the keys up to date while no call does it, until ctx ends; it returns nil. Without it,
// the first calls after a long pause may be accepted with keys that the issuer has withdrawn:
//
//	srv.Background("keys of the issuer", issuer.Run)
func (a *Authenticator) Run(ctx context.Context) error {
	const check = time.Second
	ticker := time.NewTicker(check)
	defer ticker.Stop()
	for {
		a.source.start(a.now())
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// authenticate returns the principal of a call.
func (a *Authenticator) authenticate(ctx context.Context) (*runtime.Principal, error) {
	raw, err := bearer(ctx)
	if raw == "" || err != nil {
		return nil, err
	}
	now := a.now()
	keys := a.source.current(now)
	v, sum := a.cached(raw, keys, now)
	if v == nil {
		if v, err = a.verify(ctx, raw, keys, now); err != nil {
			a.counts.rejected.Add(1)
			return nil, err
		}
		a.counts.verified.Add(1)
		if a.cache != nil {
			v.digest = sum
			a.cache.put(v, v.claims.ExpiresAt.Add(a.leeway), now)
		}
	}
	return a.admit(ctx, v)
}

// cached returns a token that has been verified before, or nil, and the digest of its signature.
// Without keys that may be used, no token is valid.
func (a *Authenticator) cached(raw string, keys *keySet, now time.Time) (*verified, digest) {
	signed, signature, ok := cutSignature(raw)
	if a.cache == nil || !ok {
		return nil, digest{}
	}
	sum := a.cache.hasher.sum(signature)
	if keys == nil {
		return nil, sum
	}
	v := a.cache.get(sum, signed, now.UnixNano())
	if v != nil {
		a.counts.cached.Add(1)
	}
	return v, sum
}

// admit returns the principal of a token unless it is revoked.
func (a *Authenticator) admit(ctx context.Context, v *verified) (*runtime.Principal, error) {
	if a.revoked == nil {
		return v.principal, nil
	}
	revoked, err := a.revoked(ctx, v.claims)
	switch {
	case err != nil:
		return nil, unavailable(fmt.Errorf("check revocation: %w", err), 0)
	case revoked:
		return nil, because(errRevoked, "the token of %v with the jti %s is revoked",
			v.claims, quoted(v.claims.ID))
	}
	return v.principal, nil
}

// verify checks a token, everything but the signature first.
func (a *Authenticator) verify(
	ctx context.Context, raw string, keys *keySet, now time.Time,
) (*verified, error) {
	if len(raw) > a.maxTokenSize {
		return nil, because(errTooLarge, "the token has %d bytes; the limit is %d",
			len(raw), a.maxTokenSize)
	}
	t, err := a.parseToken(raw)
	if err != nil {
		return nil, err
	}
	claims, members, err := a.parseClaims(t, now)
	if err != nil {
		return nil, err
	}
	k, err := a.findKey(ctx, t, keys, now)
	if err != nil {
		return nil, err
	}
	principal := runtime.NewPrincipal(claims.principalID(), a.scopesOf(members)...)
	principal.Claims = claims
	return &verified{signed: claims.signed, key: k, principal: principal, claims: claims}, nil
}

// findKey returns the key that signed a token. If none of the keys did, or there are none, it asks
// the source for newer ones, which limits how often it asks the issuer.
func (a *Authenticator) findKey(
	ctx context.Context, t *token, keys *keySet, now time.Time,
) (*key, error) {
	var cause error
	if keys != nil {
		k, err := keys.verify(t)
		if err == nil {
			return k, nil
		}
		if keys.misfits(t) {
			return nil, err
		}
		cause = err
	}
	newer, err := a.source.newer(ctx, keys, now)
	if newer != nil && newer != keys {
		return newer.verify(t)
	}
	return nil, a.noKey(t, keys, cause, err)
}

// noKey returns the error for a token that no key verifies; sourceErr says why there are no newer
// keys. Only if the token's key may be a new one, the caller learns when to retry.
func (a *Authenticator) noKey(t *token, keys *keySet, cause, sourceErr error) error {
	var limit *limitError
	limited := errors.As(sourceErr, &limit)
	switch {
	case keys != nil && (sourceErr == nil || keys.has(t.keyID)):
		return cause
	case keys != nil && limited && !limit.failing:
		return errKey.WithRetryAfter(limit.wait).WithCause(errors.Join(cause, sourceErr))
	case limited:
		return unavailable(errors.Join(cause, sourceErr), limit.wait)
	}
	return unavailable(errors.Join(cause, sourceErr), minBackoff)
}

// verify returns the key that signed the token.
func (s *keySet) verify(t *token) (*key, error) {
	keys, err := s.forToken(t.keyID, t.algorithm)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if err = t.method.Verify(t.signed, t.signature, k.public); err == nil {
			return k, nil
		}
	}
	return nil, because(errSignature, "the signature is not one of the %d keys for the kid %s: %w",
		len(keys), quoted(t.keyID), err)
}

package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Issuers returns an authenticator for the tokens of several issuers. The claim iss of a token
// selects the authenticator that checks it. It returns an error if two have the same issuer.
//
//	anyone, err := jwtauth.Issuers(customers, employees)
//
// Pass it to [server.WithAuthenticator] instead of the authenticators themselves: the first of
// those would reject the tokens of the others.
func Issuers(authenticators ...*Authenticator) (server.Authenticator, error) {
	if len(authenticators) == 0 {
		return nil, errors.New("jwtauth.Issuers(): pass authenticators")
	}
	all := issuers{}
	for _, a := range authenticators {
		if a == nil {
			return nil, errors.New("jwtauth.Issuers(nil): pass the authenticators of New")
		}
		if all.of(a.issuer) != nil {
			return nil, fmt.Errorf("jwtauth.Issuers: two authenticators have the issuer %q", a.issuer)
		}
		all = append(all, a)
	}
	return all, nil
}

// issuers holds authenticators of different issuers.
type issuers []*Authenticator

// of returns the authenticator of an issuer, or nil.
func (all issuers) of(issuer string) *Authenticator {
	for _, a := range all {
		if a.issuer == issuer {
			return a
		}
	}
	return nil
}

// Bind implements [server.Authenticator].
func (all issuers) Bind(runtime.MethodInfo) server.AuthenticateFunc { return all.authenticate }

// authenticate returns the principal of a call. A cached token is found without decoding it.
func (all issuers) authenticate(ctx context.Context) (*runtime.Principal, error) {
	raw, err := bearer(ctx)
	if raw == "" || err != nil {
		return nil, err
	}
	for _, a := range all {
		now := a.now()
		if v, _ := a.cached(raw, a.source.current(now), now); v != nil {
			return a.admit(ctx, v)
		}
	}
	issuer, err := all.issuerOf(raw)
	if err != nil {
		return nil, err
	}
	a := all.of(issuer)
	if a == nil {
		return nil, because(errIssuer, "iss is %s", quoted(issuer))
	}
	return a.authenticate(ctx)
}

// issuerOf returns the issuer that a token claims. The one that has it checks the token.
func (all issuers) issuerOf(raw string) (string, error) {
	most := 0
	for _, a := range all {
		most = max(most, a.maxTokenSize)
	}
	if len(raw) > most {
		return "", because(errTooLarge, "the token has %d bytes; the limit is %d", len(raw), most)
	}
	signed, _, _ := cutSignature(raw)
	_, encoded, _ := strings.Cut(signed, ".")
	payload, err := encoding.DecodeString(encoded)
	if err != nil {
		return "", because(errMalformed, "the payload is not base64url")
	}
	claims, err := parseObject(payload)
	if err != nil {
		return "", because(errMalformed, "payload: %w", err)
	}
	issuer, err := claims.text("iss")
	if err != nil {
		return "", because(errIssuer, "%w", err)
	}
	return issuer, nil
}

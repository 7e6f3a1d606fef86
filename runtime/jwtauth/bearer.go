package jwtauth

import (
	"context"
	"strings"

	"github.com/grpcservice/grpcservice/runtime/internal/incoming"
)

// bearer returns the token of a call: "" if it has no authorization header, or one of another
// scheme, which is for another authenticator.
//
// Several headers are rejected if one of them has a bearer token: servers in front of this one may
// have looked at another of them.
func bearer(ctx context.Context) (string, error) {
	values := incoming.Values(ctx, "authorization")
	if len(values) == 1 {
		token, ok := cutBearer(values[0])
		if ok && token == "" {
			return "", because(errHeader, "the authorization header has no token")
		}
		return token, nil
	}
	for _, value := range values {
		if _, ok := cutBearer(value); ok {
			return "", because(errHeader, "the call has %d authorization headers", len(values))
		}
	}
	return "", nil
}

// cutBearer returns what follows the scheme Bearer, in any case (RFC 9110), and spaces.
func cutBearer(value string) (token string, ok bool) {
	const scheme = "bearer"
	if len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return "", false
	}
	rest := value[len(scheme):]
	if rest != "" && rest[0] != ' ' {
		return "", false
	}
	return strings.TrimLeft(rest, " "), true
}

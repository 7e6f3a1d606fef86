package peers

import "slices"

// What all callers send, to every server.
const (
	TokenKey     = "authorization"
	Token        = "Bearer 0123456789abcdef"
	RequestIDKey = "x-request-id"
	RequestID    = "0af7651916cd43dd8448eb211c80319c"
)

// Principal is an authenticated caller.
type Principal struct {
	ID     string
	scopes []string
}

// reader is the principal of Token. It is created in advance, as by an authenticator that caches
// tokens.
var reader = &Principal{ID: "reader", scopes: []string{"read", "here"}}

// Authenticate returns the principal of a token, or nil.
func Authenticate(token string) *Principal {
	if token != Token {
		return nil
	}
	return reader
}

// MayCall reports whether a principal has the scopes that FullService requires.
func (p *Principal) MayCall() bool {
	return p.has("read") && (p.has("here") || p.has("there"))
}

func (p *Principal) has(scope string) bool { return slices.Contains(p.scopes, scope) }

package runtime

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// Principal is an authenticated caller, as an [server.Authenticator] returns it. It may be shared by calls, and must not be changed.
type Principal struct {
	// ID names the principal uniquely on this server: for OIDC the issuer and the subject. Rates, idempotency keys and
	// operations belong to it, and the log has it. It must not be empty: see [server.AuthenticateFunc].
	ID string
	// Claims is what else the authenticator knows, of a type that it documents. It is not printed.
	Claims any

	scopes map[string]struct{}
}

// NewPrincipal returns the principal with an ID, which must not be empty, and scopes.
func NewPrincipal(id string, scopes ...string) *Principal {
	p := &Principal{ID: id, scopes: make(map[string]struct{}, len(scopes))}
	for _, scope := range scopes {
		p.scopes[scope] = struct{}{}
	}
	return p
}

// Format implements fmt.Formatter: a principal is printed as its ID. Claims may hold credentials, and are for the log as little.
func (p Principal) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.ID) }

// MarshalText writes the ID, as Format does, for logs in JSON.
func (p Principal) MarshalText() ([]byte, error) { return []byte(p.ID), nil }

// HasScope says whether the principal has a scope. Nobody, the nil Principal, has none.
func (p *Principal) HasScope(scope string) bool {
	if p == nil {
		return false
	}
	_, ok := p.scopes[scope]
	return ok
}

// Scopes returns the principal's scopes, sorted.
func (p *Principal) Scopes() []string {
	if p == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(p.scopes))
}

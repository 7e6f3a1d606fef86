package runtime

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// Principal is an authenticated caller, as a server's authenticator returns it. Calls may share it;
// do not modify it.
type Principal struct {
	// ID identifies the principal on this server, for OIDC by issuer and subject. Rates, idempotency
	// keys and operations belong to it, and it is logged. It must not be empty.
	ID string
	// Claims is further data of a type that the authenticator documents. It is never printed.
	Claims any

	scopes map[string]struct{}
}

// NewPrincipal returns a principal with an ID, which must not be empty, and scopes.
func NewPrincipal(id string, scopes ...string) *Principal {
	p := &Principal{ID: id, scopes: make(map[string]struct{}, len(scopes))}
	for _, scope := range scopes {
		p.scopes[scope] = struct{}{}
	}
	return p
}

// Format implements fmt.Formatter: a principal is printed as its ID, because claims may hold
// credentials.
func (p Principal) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.ID) }

// MarshalText returns the ID, for logs in JSON.
func (p Principal) MarshalText() ([]byte, error) { return []byte(p.ID), nil }

// HasScope reports whether the principal has a scope. A nil Principal has none.
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

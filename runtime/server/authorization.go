package server

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// The errors of callers who may not call a method.
var (
	errMissingScope = rpcerr.ReasonMissingScope.Errorf(codes.PermissionDenied, "the caller lacks a scope that the method requires").Fixed()
	errNoPolicy     = rpcerr.ReasonNoPolicy.Errorf(codes.PermissionDenied, "no policy authorizes calls of the method").Fixed()
)

// public reports whether a method serves every caller.
func (m *method) public() bool {
	return m.open || m.info.Policy.Auth != nil && m.info.Policy.Auth.Public
}

// authorizeGate returns the gate that rejects callers who may not call a method; nil if everybody may.
// It follows authentication, so that only an authenticated caller learns that a method lets nobody in.
func (m *method) authorizeGate() gate {
	if m.public() || m.authenticator == nil && m.info.Policy.Auth == nil {
		return nil
	}
	return func(_ context.Context, c *callContext) error { return m.authorize(c.call.principal) }
}

// authorize returns why a caller may not call the method; nil if they may.
func (m *method) authorize(principal *runtime.Principal) error {
	auth := m.info.Policy.Auth
	switch {
	case m.public():
		return nil
	case m.authenticator == nil && auth == nil:
		return nil
	case auth == nil:
		return errNoPolicy
	case principal == nil:
		return errUnauthenticated
	}
	return missingScope(principal, *auth)
}

// missingScope returns the error of a principal that lacks a scope, or nil.
func missingScope(principal *runtime.Principal, auth runtime.Auth) error {
	for _, scope := range auth.AllOf {
		if !principal.HasScope(scope) {
			return errMissingScope
		}
	}
	if len(auth.AnyOf) > 0 && !hasAny(principal, auth.AnyOf) {
		return errMissingScope
	}
	return nil
}

func hasAny(principal *runtime.Principal, scopes []string) bool {
	for _, scope := range scopes {
		if principal.HasScope(scope) {
			return true
		}
	}
	return false
}

// unguarded returns why a server without an authenticator cannot serve methods that ask who calls.
func (p *pipeline) unguarded() error {
	if p.authenticator != nil || p.open {
		return nil
	}
	var names []string
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.methods {
		if auth := m.info.Policy.Auth; auth != nil && !auth.Public {
			names = append(names, m.log.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("the policy of %s requires authentication, but the server has no authenticator; pass WithAuthenticator, or WithoutAuthentication to admit every caller",
		strings.Join(names, ", "))
}

// errUnauthenticated is the error of callers whom the authenticator does not know.
var errUnauthenticated = rpcerr.ReasonUnauthenticated.
	Errorf(codes.Unauthenticated, "the call has no credentials, or they are not valid").Fixed()

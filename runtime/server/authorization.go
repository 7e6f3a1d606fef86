package server

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

var (
	errMissingScope = rpcerr.ReasonMissingScope.
			Errorf(codes.PermissionDenied, "the caller lacks a scope that the method requires").Fixed()
	errPrincipalNotAllowed = rpcerr.ReasonPrincipalNotAllowed.
				Errorf(codes.PermissionDenied, "the method does not list the caller as a principal").Fixed()
	errNoPolicy = rpcerr.ReasonNoPolicy.
			Errorf(codes.PermissionDenied, "no policy authorizes calls of the method").Fixed()
)

// public reports whether a method serves unauthenticated callers.
func (m *method) public() bool {
	return m.admitAll || m.info.Policy.Auth != nil && m.info.Policy.Auth.Public
}

// authorizeGate returns the gate that rejects unauthorized callers; nil if every caller is
// authorized. It follows authentication, so that only an authenticated caller learns that no policy
// authorizes the method.
func (m *method) authorizeGate() gate {
	if m.public() || m.authenticator == nil && m.info.Policy.Auth == nil {
		return nil
	}
	return func(_ context.Context, c *callContext) error { return m.authorize(c.call.principal) }
}

// authorize returns the error of an unauthorized caller, or nil.
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
	if !auth.AllowsPrincipal(principal.ID) {
		return errPrincipalNotAllowed
	}
	return missingScope(principal, *auth)
}

// missingScope returns the error of a principal without the scopes that auth requires, or nil.
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

// missingAuthenticator returns an error if methods require authentication and the server has no
// authenticator.
func (p *pipeline) missingAuthenticator() error {
	if p.authenticator != nil || p.admitAll {
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
	return fmt.Errorf("the policy of %s requires authentication, but the server has no authenticator; "+
		"pass WithAuthenticator, or WithoutAuthentication to admit every caller", strings.Join(names, ", "))
}

// errUnauthenticated is the error of a caller without valid credentials.
var errUnauthenticated = rpcerr.ReasonUnauthenticated.
	Errorf(codes.Unauthenticated, "the call has no credentials, or they are not valid").Fixed()

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// WithAuthenticator authenticates callers. A method then rejects every call unless its policy
// states which callers are authorized: all (public), those with certain scopes, or all
// authenticated ones.
//
// Several authenticators are tried in order, and the first that finds credentials decides:
//
//	server.WithAuthenticator(tokens, keys, certificates)
//
// One that returns a principal or an error ends the search; one that returns neither leaves the
// call to the next. So invalid credentials reject a call even if it has others that are valid. If
// they did not, the expired token of a user, sent over a connection with the certificate of a
// proxy, would make the call one of the proxy; and a caller could choose the credentials that are
// checked least. List credentials of a user before those of a machine.
//
// A second WithAuthenticator replaces the first.
func WithAuthenticator(authenticators ...Authenticator) Option {
	authenticators = slices.Clone(authenticators)
	return func(c *settings) {
		if len(authenticators) == 0 {
			c.fail("WithAuthenticator(): pass an authenticator, or WithoutAuthentication")
			return
		}
		if slices.ContainsFunc(authenticators, func(a Authenticator) bool { return isNil(a) }) {
			c.fail("WithAuthenticator(nil): pass an authenticator, or WithoutAuthentication")
			return
		}
		c.authenticator, c.admitAll = inOrder(authenticators), false
	}
}

// inOrder are authenticators of which the first that finds credentials decides.
type inOrder []Authenticator

// Bind implements [Authenticator]. It returns nil if none of the authenticators binds the method.
func (o inOrder) Bind(info runtime.MethodInfo) AuthenticateFunc {
	var bound []AuthenticateFunc
	for _, authenticator := range o {
		if authenticate := authenticator.Bind(info); authenticate != nil {
			bound = append(bound, authenticate)
		}
	}
	switch len(bound) {
	case 0:
		return nil
	case 1:
		return bound[0]
	}
	return func(ctx context.Context) (*runtime.Principal, error) {
		for _, authenticate := range bound {
			if principal, err := authenticate(ctx); principal != nil || err != nil {
				return principal, err
			}
		}
		return nil, nil
	}
}

// WithoutAuthentication admits every caller, whatever policies require: for tests, and behind a
// proxy that has authenticated the caller. With [WithAuthorizer], permissions are required
// nevertheless. An authenticator still determines the principal, if it
// can. Without this option, a server without an authenticator does not start if a method requires
// authentication.
func WithoutAuthentication() Option {
	return func(c *settings) { c.admitAll = true }
}

// errNoID is the error of a call whose authenticator returned a principal without an ID.
var errNoID = rpcerr.ReasonUnauthenticated.
	Errorf(codes.Unauthenticated, "the credentials name no caller; send credentials that have a subject").
	WithCause(errors.New("authenticate: the authenticator returned a principal without an ID; " +
		"it must return an error for credentials without a subject"))

// requireID returns authenticate, with errNoID for a principal without an ID.
func requireID(authenticate AuthenticateFunc) AuthenticateFunc {
	return func(ctx context.Context) (*runtime.Principal, error) {
		principal, err := authenticate(ctx)
		if err == nil && principal != nil && principal.ID == "" {
			return nil, errNoID
		}
		return principal, err
	}
}

// authenticateGate returns the gate that authenticates the caller; nil without an authenticator. A
// public method serves unauthenticated callers too.
func (m *method) authenticateGate() gate {
	if m.authenticator == nil {
		return nil
	}
	authenticate := m.authenticator.Bind(m.info)
	if authenticate == nil {
		authenticate = anonymous
	}
	authenticate = requireID(authenticate)
	if m.public() {
		return m.optional(authenticate)
	}
	return func(ctx context.Context, c *callContext) error {
		principal, err := authenticate(ctx)
		if err != nil {
			return authenticationError(err)
		}
		if principal == nil {
			return errUnauthenticated
		}
		c.call.principal = principal
		return nil
	}
}

// optional returns a gate that calls authenticate and rejects no call.
func (p *pipeline) optional(authenticate AuthenticateFunc) gate {
	return func(ctx context.Context, c *callContext) error {
		principal, err := authenticate(ctx)
		if err == nil {
			c.call.principal = principal
		} else if level := ignoredLevel(err); p.logger.Enabled(ctx, level) {
			c.Logger().LogAttrs(ctx, level, "public method: invalid credentials", slog.Any("error", err))
		}
		return nil
	}
}

// anonymous replaces the function of an authenticator that does not bind a method.
func anonymous(context.Context) (*runtime.Principal, error) { return nil, nil }

// ignoredLevel returns the level of an error that a public method ignores: error for a fault of the
// authenticator, debug for invalid credentials.
func ignoredLevel(err error) slog.Level {
	if errors.Is(err, errNoID) {
		return slog.LevelError
	}
	return slog.LevelDebug
}

// authenticationError returns the error of a call for an error of its authenticator: an error of
// package rpcerr as it is, otherwise UNAUTHENTICATED, or the code of err's status, so that callers
// can retry if the identity provider is UNAVAILABLE. The text of err is only logged.
func authenticationError(err error) error {
	var own *rpcerr.Error
	if errors.As(err, &own) {
		return err
	}
	public, text := errUnauthenticated, "authenticate: "+fmt.Sprint(err)
	code := rpcerr.PublicStatus(err).Code()
	if st, ok := rpcerr.UpstreamStatus(err); ok { // its UNAUTHENTICATED concerns our caller
		code = st.Code()
	}
	if code != codes.Unknown {
		public = rpcerr.ReasonUnauthenticated.
			Errorf(code, "the caller cannot be authenticated: %s", rpcerr.CodeWords(code)).Fixed()
	}
	return rpcerr.Hide(public, text)
}

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// WithAuthenticator authenticates callers. A method then rejects every call unless its policy
// states which callers are authorized: all (public), those with certain scopes, or all
// authenticated ones.
func WithAuthenticator(authenticator Authenticator) Option {
	return func(c *settings) {
		if isNil(authenticator) {
			c.fail("WithAuthenticator(nil): pass an authenticator, or say WithoutAuthentication")
		}
		c.authenticator, c.open = authenticator, false
	}
}

// WithoutAuthentication admits every caller, whatever policies require: for tests, and behind a
// proxy that has authenticated the caller. An authenticator still determines the principal, if it
// can. Without this option, a server without an authenticator does not start if a method requires
// authentication.
func WithoutAuthentication() Option {
	return func(c *settings) { c.open = true }
}

// errNoID is the error of callers for whom an authenticator returned a principal without an ID.
var errNoID = rpcerr.ReasonUnauthenticated.
	Errorf(codes.Unauthenticated, "the credentials name no caller; send credentials that have a subject").
	WithCause(errors.New("authenticate: the authenticator returned a principal without an ID; " +
		"it must return an error for credentials without a subject"))

// named returns an [AuthenticateFunc] that returns what authenticate does, and errNoID for a principal without an ID.
func named(authenticate AuthenticateFunc) AuthenticateFunc {
	return func(ctx context.Context) (*runtime.Principal, error) {
		principal, err := authenticate(ctx)
		if err == nil && principal != nil && principal.ID == "" {
			return nil, errNoID
		}
		return principal, err
	}
}

// authenticateGate returns the gate that finds out who calls a method; nil without an authenticator. A
// public method serves every caller, authenticated or not.
func (m *method) authenticateGate() gate {
	if m.authenticator == nil {
		return nil
	}
	authenticate := m.authenticator.Bind(m.info)
	if authenticate == nil {
		authenticate = nobody
	}
	authenticate = named(authenticate)
	if m.public() {
		return m.ignoring(authenticate)
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

// ignoring returns the gate that calls authenticate and rejects no call.
func (p *pipeline) ignoring(authenticate AuthenticateFunc) gate {
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

// nobody is who calls where an authenticator does not care.
func nobody(context.Context) (*runtime.Principal, error) { return nil, nil }

// ignoredLevel returns the level to log an error at that a public method ignores: faults of the authenticator are errors.
func ignoredLevel(err error) slog.Level {
	if errors.Is(err, errNoID) {
		return slog.LevelError
	}
	return slog.LevelDebug
}

// authenticationError returns the error of a call whose caller could not be authenticated: an error of
// package rpcerr as it is; of other statuses the code, which tells invalid credentials from an identity
// provider that is unavailable; otherwise UNAUTHENTICATED. The rest is for the log.
func authenticationError(err error) error {
	var own *rpcerr.Error
	if errors.As(err, &own) {
		return err
	}
	told, text := errUnauthenticated, "authenticate: "+fmt.Sprint(err)
	code := rpcerr.PublicStatus(err).Code()
	if st, ok := rpcerr.UpstreamStatus(err); ok { // of an identity provider, whose UNAUTHENTICATED is about our caller
		code = st.Code()
	}
	if code != codes.Unknown {
		told = rpcerr.ReasonUnauthenticated.Errorf(code, "the caller cannot be authenticated: %s", rpcerr.CodeWords(code)).Fixed()
	}
	return rpcerr.Hide(told, text)
}

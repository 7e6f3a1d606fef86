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

// Authenticator finds out who calls. Bind is called once for each method, when it is registered.
type Authenticator interface {
	Bind(runtime.MethodInfo) AuthenticateFunc
}

// AuthenticateFunc returns who makes the call of ctx, from its metadata or its peer; nil and no error where the call does not
// say who makes it. Any other outcome is an error, which is logged: the caller gets UNAUTHENTICATED, or the code of the error's
// status, such as UNAVAILABLE, with a fixed text, or an error of [rpcerr.Reason.Errorf] as it is.
//
// Return an error for credentials without a subject. A principal whose ID is empty is a fault of the authenticator: the
// caller would share answers and operations with every other such caller. The server logs it and rejects the call with
// UNAUTHENTICATED; a public method serves the caller as one that sent no credentials.
type AuthenticateFunc func(ctx context.Context) (*runtime.Principal, error)

// Bind makes an AuthenticateFunc an [Authenticator] that does the same for all methods.
func (f AuthenticateFunc) Bind(runtime.MethodInfo) AuthenticateFunc { return f }

// WithAuthenticator has authenticator find out who calls. From then on a method lets nobody in unless its policy says whom:
// everybody (public), who has certain scopes, or all whom the authenticator knows.
func WithAuthenticator(authenticator Authenticator) Option {
	return func(c *settings) {
		if isNil(authenticator) {
			c.fail("WithAuthenticator(nil): pass an authenticator, or say WithoutAuthentication")
		}
		c.authenticator, c.open = authenticator, false
	}
}

// WithoutAuthentication lets everybody in, whatever policies say of who may call: for tests, and behind a proxy that has asked
// already. An authenticator that was given before still says who calls, where it knows. Without this option, a server that has
// no authenticator does not start with a method that asks who calls.
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

// errUnauthenticated is the error of callers whom the authenticator does not know.
var errUnauthenticated = rpcerr.ReasonUnauthenticated.
	Errorf(codes.Unauthenticated, "the call does not say who makes it, or its credentials are not good").Fixed()

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
			c.Logger().LogAttrs(ctx, level, "public method: credentials are not good", slog.Any("error", err))
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

// authenticationError returns what a caller is told whom the authenticator could not make out: an error of this package's
// builders as it is; of other statuses the code, which tells bad credentials from an identity provider that is away; and else
// UNAUTHENTICATED. The rest is for the log.
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

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

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

// The errors of callers who are not let in.
var (
	errUnauthenticated = rpcerr.ReasonUnauthenticated.Errorf(codes.Unauthenticated, "the call does not say who makes it, or its credentials are not good").Fixed()
	errMissingScope    = rpcerr.ReasonMissingScope.Errorf(codes.PermissionDenied, "the caller lacks a scope that the method asks for").Fixed()
	errNoPolicy        = rpcerr.ReasonNoPolicy.Errorf(codes.PermissionDenied, "the method lets nobody in").Fixed()
)

// authGate returns the gate that authenticates the caller of a method and authorizes the call; nil if
// the method requires neither.
func (m *method) authGate() gate {
	p, info := m.pipeline, m.info
	auth := info.Policy.Auth
	public := p.open || auth != nil && auth.Public
	if p.authenticator == nil {
		if auth == nil || public {
			return nil
		}
		return refuseAll(errUnauthenticated)
	}
	authenticate := p.authenticator.Bind(info)
	if authenticate == nil {
		authenticate = nobody
	}
	authenticate = named(authenticate)
	switch {
	case public:
		return p.publicStage(authenticate)
	case auth == nil:
		return noPolicyStage(authenticate)
	default:
		return scopesStage(authenticate, *auth)
	}
}

// nobody is who calls where an authenticator does not care.
func nobody(context.Context) (*runtime.Principal, error) { return nil, nil }

// refuseAll returns the stage that lets nobody in.
func refuseAll(err error) gate {
	return func(context.Context, *callContext) error { return err }
}

// noPolicyStage rejects every call. Only an authenticated caller learns that the method exists.
func noPolicyStage(authenticate AuthenticateFunc) gate {
	known := scopesStage(authenticate, runtime.Auth{})
	return func(ctx context.Context, c *callContext) error {
		if err := known(ctx, c); err != nil {
			return err
		}
		return errNoPolicy
	}
}

// publicStage learns who calls, if they say so, and lets everybody in.
func (p *pipeline) publicStage(authenticate AuthenticateFunc) gate {
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

// ignoredLevel returns the level to log an error at that a public method ignores: faults of the authenticator are errors.
func ignoredLevel(err error) slog.Level {
	if errors.Is(err, errNoID) {
		return slog.LevelError
	}
	return slog.LevelDebug
}

// scopesStage lets in who is known and has the scopes.
func scopesStage(authenticate AuthenticateFunc, auth runtime.Auth) gate {
	return func(ctx context.Context, c *callContext) error {
		principal, err := authenticate(ctx)
		if err != nil {
			return authenticationError(err)
		}
		if principal == nil {
			return errUnauthenticated
		}
		c.call.principal = principal
		return missingScope(principal, auth)
	}
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
	return fmt.Errorf("the policy asks who calls %s, but the server has no authenticator; give it one with WithAuthenticator, or let everybody in with WithoutAuthentication",
		strings.Join(names, ", "))
}

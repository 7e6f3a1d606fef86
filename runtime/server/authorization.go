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

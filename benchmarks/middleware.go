package main

import (
	"context"
	"log/slog"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/ratelimit"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/selector"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
)

// unaryMiddleware is what people put together for the same purpose: one log record for a call, the
// rate of the method, authentication with scopes, the rate of the principal, recovery.
func unaryMiddleware() []grpc.UnaryServerInterceptor {
	return []grpc.UnaryServerInterceptor{
		logging.UnaryServerInterceptor(slogAdapter(), logging.WithLogOnEvents(logging.FinishCall)),
		ratelimit.UnaryServerInterceptor(methodLimit{peers.NewRate()}),
		selector.UnaryServerInterceptor(auth.UnaryServerInterceptor(authenticate), guarded()),
		ratelimit.UnaryServerInterceptor(principalLimit{peers.NewRates()}),
		recovery.UnaryServerInterceptor(),
	}
}

func streamMiddleware() []grpc.StreamServerInterceptor {
	return []grpc.StreamServerInterceptor{
		logging.StreamServerInterceptor(slogAdapter(), logging.WithLogOnEvents(logging.FinishCall)),
		ratelimit.StreamServerInterceptor(methodLimit{peers.NewRate()}),
		selector.StreamServerInterceptor(auth.StreamServerInterceptor(authenticate), guarded()),
		ratelimit.StreamServerInterceptor(principalLimit{peers.NewRates()}),
		recovery.StreamServerInterceptor(),
	}
}

// slogAdapter is the one of the documentation of go-grpc-middleware.
func slogAdapter() logging.Logger {
	l := logger(middleware)
	return logging.LoggerFunc(func(ctx context.Context, level logging.Level, msg string, fields ...any) {
		l.Log(ctx, slog.Level(level), msg, fields...)
	})
}

// guarded selects the methods that require authentication.
func guarded() selector.Matcher {
	return selector.MatchFunc(func(_ context.Context, call interceptors.CallMeta) bool {
		return call.Service != "grpc.health.v1.Health"
	})
}

type principalKey struct{}

// authenticate knows the token, and asks for the scopes of FullService.
func authenticate(ctx context.Context) (context.Context, error) {
	token, err := auth.AuthFromMD(ctx, "bearer")
	if err != nil {
		return nil, err
	}
	principal := peers.Authenticate("Bearer " + token)
	if principal == nil {
		return nil, status.Error(codes.Unauthenticated, "unknown token")
	}
	if !principal.MayCall() {
		return nil, status.Error(codes.PermissionDenied, "missing scope")
	}
	return context.WithValue(ctx, principalKey{}, principal), nil
}

var errTooMany = status.Error(codes.ResourceExhausted, "too many calls")

// methodLimit is a rate for all callers.
type methodLimit struct{ *rate.Limiter }

// Limit implements ratelimit.Limiter.
func (l methodLimit) Limit(context.Context) error {
	if !l.Allow() {
		return errTooMany
	}
	return nil
}

// principalLimit is a rate for each caller.
type principalLimit struct{ *peers.Rates }

// Limit implements ratelimit.Limiter.
func (l principalLimit) Limit(ctx context.Context) error {
	if principal := ctx.Value(principalKey{}).(*peers.Principal); !l.Allow(principal.ID) {
		return errTooMany
	}
	return nil
}

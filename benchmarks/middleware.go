package main

import (
	"context"
	"log/slog"
	"sync"

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

	"github.com/grpcservice/grpcservice/runtime"
)

// unaryMiddleware is what people put together for the same purpose: one log record for a call, the
// rate of the method, authentication with scopes, the rate of the principal, recovery.
func unaryMiddleware() []grpc.UnaryServerInterceptor {
	return []grpc.UnaryServerInterceptor{
		logging.UnaryServerInterceptor(slogAdapter(), logging.WithLogOnEvents(logging.FinishCall)),
		ratelimit.UnaryServerInterceptor(methodLimit()),
		selector.UnaryServerInterceptor(auth.UnaryServerInterceptor(authenticate), guarded()),
		ratelimit.UnaryServerInterceptor(newPrincipalLimit()),
		recovery.UnaryServerInterceptor(),
	}
}

func streamMiddleware() []grpc.StreamServerInterceptor {
	return []grpc.StreamServerInterceptor{
		logging.StreamServerInterceptor(slogAdapter(), logging.WithLogOnEvents(logging.FinishCall)),
		ratelimit.StreamServerInterceptor(methodLimit()),
		selector.StreamServerInterceptor(auth.StreamServerInterceptor(authenticate), guarded()),
		ratelimit.StreamServerInterceptor(newPrincipalLimit()),
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
	if "Bearer "+token != readerToken {
		return nil, status.Error(codes.Unauthenticated, "unknown token")
	}
	if !reader.HasScope("read") || !reader.HasScope("here") && !reader.HasScope("there") {
		return nil, status.Error(codes.PermissionDenied, "missing scope")
	}
	return context.WithValue(ctx, principalKey{}, reader), nil
}

// tokenBucket is a rate for all callers.
type tokenBucket struct{ *rate.Limiter }

func methodLimit() tokenBucket { return tokenBucket{rate.NewLimiter(1e9, 1e6)} }

// Limit implements ratelimit.Limiter.
func (b tokenBucket) Limit(context.Context) error {
	if !b.Allow() {
		return status.Error(codes.ResourceExhausted, "too many calls")
	}
	return nil
}

// principalLimit is a rate for each caller.
type principalLimit struct {
	mu      sync.Mutex
	buckets map[string]tokenBucket
}

func newPrincipalLimit() *principalLimit {
	return &principalLimit{buckets: make(map[string]tokenBucket)}
}

// Limit implements ratelimit.Limiter.
func (l *principalLimit) Limit(ctx context.Context) error {
	principal, _ := ctx.Value(principalKey{}).(*runtime.Principal)
	l.mu.Lock()
	bucket, ok := l.buckets[principal.ID]
	if !ok {
		bucket = methodLimit()
		l.buckets[principal.ID] = bucket
	}
	l.mu.Unlock()
	return bucket.Limit(ctx)
}

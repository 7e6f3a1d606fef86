package main

import (
	"context"
	"io"

	"github.com/go-kratos/aegis/ratelimit"
	"github.com/go-kratos/kratos/v2/errors"
	"github.com/go-kratos/kratos/v2/log"
	"github.com/go-kratos/kratos/v2/middleware"
	"github.com/go-kratos/kratos/v2/middleware/logging"
	limit "github.com/go-kratos/kratos/v2/middleware/ratelimit"
	"github.com/go-kratos/kratos/v2/middleware/recovery"
	"github.com/go-kratos/kratos/v2/transport"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
)

// features are the middleware of kratos for the same purpose: recovery, one log record for a call,
// and the rate of the method; authentication with scopes and the rate of the principal are
// handwritten, as its own are for JSON Web Tokens and for the load of the machine.
func features() []middleware.Middleware {
	return []middleware.Middleware{
		recovery.Recovery(),
		logging.Server(log.NewStdLogger(io.Discard)),
		limit.Server(limit.WithLimiter(methodRate{peers.NewRate()})),
		authenticate,
		limitPrincipal(),
	}
}

type methodRate struct{ *rate.Limiter }

// Allow implements ratelimit.Limiter.
func (r methodRate) Allow() (ratelimit.DoneFunc, error) {
	if !r.Limiter.Allow() {
		return nil, ratelimit.ErrLimitExceed
	}
	return func(ratelimit.DoneInfo) {}, nil
}

type principalKey struct{}

// admit returns a context with the principal of a token.
func admit(ctx context.Context, token string) (context.Context, error) {
	principal := peers.Authenticate(token)
	if principal == nil {
		return nil, errors.Unauthorized("UNKNOWN_TOKEN", "unknown token")
	}
	if !principal.MayCall() {
		return nil, errors.Forbidden("MISSING_SCOPE", "missing scope")
	}
	return context.WithValue(ctx, principalKey{}, principal), nil
}

func authenticate(next middleware.Handler) middleware.Handler {
	return func(ctx context.Context, req any) (any, error) {
		var token string
		if tr, ok := transport.FromServerContext(ctx); ok {
			token = tr.RequestHeader().Get(peers.TokenKey)
		}
		ctx, err := admit(ctx, token)
		if err != nil {
			return nil, err
		}
		return next(ctx, req)
	}
}

func limitPrincipal() middleware.Middleware {
	rates := peers.NewRates()
	return func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, req any) (any, error) {
			if principal := ctx.Value(principalKey{}).(*peers.Principal); !rates.Allow(principal.ID) {
				return nil, limit.ErrLimitExceed
			}
			return next(ctx, req)
		}
	}
}

// streamFeatures authenticate a stream once. kratos applies its middleware to each message of a
// stream instead, so a log record and the rates are left out.
func streamFeatures() []grpc.StreamServerInterceptor {
	return []grpc.StreamServerInterceptor{func(
		srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler,
	) error {
		var token string
		if values := metadata.ValueFromIncomingContext(ss.Context(), peers.TokenKey); len(values) > 0 {
			token = values[0]
		}
		if _, err := admit(ss.Context(), token); err != nil {
			return err
		}
		return handler(srv, ss)
	}}
}

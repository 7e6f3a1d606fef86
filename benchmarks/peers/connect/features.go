package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
)

// features are what people put together for the same purpose: one log record for a call, recovery,
// the rate of the method, authentication with scopes, the rate of the principal.
func features() []connect.ServerInterceptor {
	logger := slog.New(slog.NewJSONHandler(io.Discard, nil))
	return []connect.ServerInterceptor{accessLog(logger), recovery(logger), limitMethod(), authenticate, limitPrincipal()}
}

func accessLog(logger *slog.Logger) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			start := time.Now()
			err := next(ctx, spec, stream)
			attrs := []slog.Attr{
				slog.String("procedure", spec.Procedure),
				slog.Duration("duration", time.Since(start)),
			}
			if call, ok := connect.CallInfoForServerContext(ctx); ok {
				attrs = append(attrs, slog.String("peer", call.PeerAddr),
					slog.String("request_id", call.RequestHeader().Get(peers.RequestIDKey)))
			}
			if err != nil {
				attrs = append(attrs, slog.String("code", connect.CodeOf(err).String()))
			}
			logger.LogAttrs(ctx, slog.LevelInfo, "finished call", attrs...)
			return err
		}
	}
}

func recovery(logger *slog.Logger) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) (err error) {
			defer func() {
				if r := recover(); r != nil {
					logger.ErrorContext(ctx, "panic", "value", r)
					err = connect.NewError(connect.CodeInternal, "internal error")
				}
			}()
			return next(ctx, spec, stream)
		}
	}
}

var errTooMany = connect.NewError(connect.CodeResourceExhausted, "too many calls")

func limitMethod() connect.ServerInterceptor {
	rate := peers.NewRate()
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			if !rate.Allow() {
				return errTooMany
			}
			return next(ctx, spec, stream)
		}
	}
}

type principalKey struct{}

func authenticate(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		var principal *peers.Principal
		if call, ok := connect.CallInfoForServerContext(ctx); ok {
			principal = peers.Authenticate(call.RequestHeader().Get(peers.TokenKey))
		}
		if principal == nil {
			return connect.NewError(connect.CodeUnauthenticated, "unknown token")
		}
		if !principal.MayCall() {
			return connect.NewError(connect.CodePermissionDenied, "missing scope")
		}
		return next(context.WithValue(ctx, principalKey{}, principal), spec, stream)
	}
}

func limitPrincipal() connect.ServerInterceptor {
	rates := peers.NewRates()
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			if principal := ctx.Value(principalKey{}).(*peers.Principal); !rates.Allow(principal.ID) {
				return errTooMany
			}
			return next(ctx, spec, stream)
		}
	}
}

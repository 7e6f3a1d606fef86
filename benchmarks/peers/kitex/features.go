package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/cloudwego/kitex/pkg/endpoint"
	"github.com/cloudwego/kitex/pkg/remote/trans/nphttp2/codes"
	"github.com/cloudwego/kitex/pkg/remote/trans/nphttp2/metadata"
	"github.com/cloudwego/kitex/pkg/remote/trans/nphttp2/status"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/server"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
)

// features are what people put together for the same purpose: one log record for a call, the rate
// of the method, authentication with scopes, the rate of the principal. All are once per stream.
func features() []server.Option {
	return []server.Option{
		server.WithMiddleware(accessLog(slog.New(slog.NewJSONHandler(io.Discard, nil)))),
		server.WithMiddleware(limitMethod()),
		server.WithMiddleware(authenticate),
		server.WithMiddleware(limitPrincipal()),
	}
}

func accessLog(logger *slog.Logger) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, req, resp any) error {
			start := time.Now()
			err := next(ctx, req, resp)
			attrs := []slog.Attr{slog.Duration("duration", time.Since(start))}
			if call := rpcinfo.GetRPCInfo(ctx); call != nil {
				attrs = append(attrs, slog.String("method", call.Invocation().MethodName()),
					slog.String("peer", call.From().Address().String()))
			}
			attrs = append(attrs, slog.String("request_id", header(ctx, peers.RequestIDKey)),
				slog.String("code", status.Code(err).String()))
			logger.LogAttrs(ctx, slog.LevelInfo, "finished call", attrs...)
			return err
		}
	}
}

// header returns the first value of a header that the caller sent.
func header(ctx context.Context, key string) string {
	md, _ := metadata.FromIncomingContext(ctx)
	if values := md.Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}

var errTooMany = status.Err(codes.ResourceExhausted, "too many calls")

func limitMethod() endpoint.Middleware {
	rate := peers.NewRate()
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, req, resp any) error {
			if !rate.Allow() {
				return errTooMany
			}
			return next(ctx, req, resp)
		}
	}
}

type principalKey struct{}

func authenticate(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, req, resp any) error {
		principal := peers.Authenticate(header(ctx, peers.TokenKey))
		if principal == nil {
			return status.Err(codes.Unauthenticated, "unknown token")
		}
		if !principal.MayCall() {
			return status.Err(codes.PermissionDenied, "missing scope")
		}
		return next(context.WithValue(ctx, principalKey{}, principal), req, resp)
	}
}

func limitPrincipal() endpoint.Middleware {
	rates := peers.NewRates()
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, req, resp any) error {
			if principal := ctx.Value(principalKey{}).(*peers.Principal); !rates.Allow(principal.ID) {
				return errTooMany
			}
			return next(ctx, req, resp)
		}
	}
}

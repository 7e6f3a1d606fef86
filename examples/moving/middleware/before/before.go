// Package before is a service with protoc-gen-go-grpc and go-grpc-middleware v2, as teams have it.
package before

import (
	"context"
	"log/slog"
	"time"

	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/ratelimit"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/selector"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	libraryv1 "github.com/grpcservice/grpcservice/examples/moving/gen/library/v1"
	"github.com/grpcservice/grpcservice/examples/moving/library"
)

// New returns a server. Its metrics are in metrics.
func New(books *library.Library, logger *slog.Logger, metrics *prometheus.Registry) *grpc.Server {
	served := grpcprom.NewServerMetrics()
	metrics.MustRegister(served)
	recovered := recovery.WithRecoveryHandler(func(value any) error {
		logger.Error("a method panicked", "panic", value)
		return status.Error(codes.Internal, "internal error")
	})
	isOurs := selector.MatchFunc(func(_ context.Context, c interceptors.CallMeta) bool {
		return c.Service == libraryv1.BookService_ServiceDesc.ServiceName
	})
	isGetBook := selector.MatchFunc(func(_ context.Context, c interceptors.CallMeta) bool {
		return c.FullMethod() == libraryv1.BookService_GetBook_FullMethodName
	})
	limits := &limiter{rate.NewLimiter(5, 5)}
	srv := grpc.NewServer(
		grpc.ChainUnaryInterceptor(
			served.UnaryServerInterceptor(),
			logging.UnaryServerInterceptor(logTo(logger)),
			recovery.UnaryServerInterceptor(recovered),
			selector.UnaryServerInterceptor(auth.UnaryServerInterceptor(authenticate), isOurs),
			selector.UnaryServerInterceptor(ratelimit.UnaryServerInterceptor(limits), isGetBook),
			selector.UnaryServerInterceptor(withTimeout(2*time.Second), isGetBook),
		),
		grpc.ChainStreamInterceptor(
			served.StreamServerInterceptor(),
			logging.StreamServerInterceptor(logTo(logger)),
			recovery.StreamServerInterceptor(recovered),
			selector.StreamServerInterceptor(auth.StreamServerInterceptor(authenticate), isOurs),
		),
	)
	libraryv1.RegisterBookServiceServer(srv, &Books{Library: books})
	healthgrpc.RegisterHealthServer(srv, health.NewServer())
	reflection.Register(srv)
	return srv
}

func logTo(logger *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(ctx context.Context, level logging.Level, text string, fields ...any) {
		logger.Log(ctx, slog.Level(level), text, fields...)
	})
}

// authenticate knows two callers by their tokens.
func authenticate(ctx context.Context) (context.Context, error) {
	token, err := auth.AuthFromMD(ctx, "bearer")
	switch {
	case err != nil:
		return nil, err
	case token == "stranger":
		return nil, status.Error(codes.PermissionDenied, "you may not read books")
	case token != "reader":
		return nil, status.Error(codes.Unauthenticated, "the token is not valid")
	}
	return ctx, nil
}

// limiter is one rate for all callers.
type limiter struct{ *rate.Limiter }

// Limit implements [ratelimit.Limiter].
func (l *limiter) Limit(context.Context) error {
	if !l.Allow() {
		return status.Error(codes.ResourceExhausted, "too many calls")
	}
	return nil
}

// withTimeout ends calls that take longer.
func withTimeout(timeout time.Duration) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		resp, err := next(ctx, req)
		if ctx.Err() == context.DeadlineExceeded {
			return nil, status.Error(codes.DeadlineExceeded, "the call took too long")
		}
		return resp, err
	}
}

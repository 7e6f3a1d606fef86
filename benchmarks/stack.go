package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1/policyv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// The stacks that are compared. All of them serve FullService; only bare does nothing around it.
const (
	bare       = "protoc-gen-go-grpc"
	middleware = "go-grpc-middleware"
	ours       = "grpcservice"
	oursNoLog  = "grpcservice, log off"
	oursNoID   = "grpcservice, caller sends no id"
)

// stacks are in the order of the output; bare is compared with another bare one, which shows the
// noise.
var stacks = []string{bare, oursNoLog, ours, oursNoID, middleware}

// register puts FullService with a stack on a server of grpc's own.
func register(stack string) (*grpc.Server, error) {
	switch stack {
	case bare:
		srv := grpc.NewServer()
		policyv1.RegisterFullServiceServer(srv, stockService{})
		return srv, nil
	case middleware:
		srv := grpc.NewServer(grpc.ChainUnaryInterceptor(unaryMiddleware()...), grpc.ChainStreamInterceptor(streamMiddleware()...))
		policyv1.RegisterFullServiceServer(srv, stockService{})
		return srv, nil
	case ours, oursNoLog, oursNoID:
		return registerPipeline(pipelineOptions(stack)), nil
	case oursUnbounded:
		return registerPipeline(unboundedOptions()), nil
	case oursMetrics, oursTraced, oursSampled, stockTraced, stockSampled, middlewareTraced, middlewareSampled:
		return registerTelemetry(stack), nil
	case loopRoom, hubRoom:
		return registerRoom(stack), nil
	default:
		return nil, fmt.Errorf("there is no stack %q; want one of %q", stack, stacks)
	}
}

// registerPipeline serves with our pipeline, and the transport of server.New.
func registerPipeline(opts []server.Option) *grpc.Server {
	srv := grpc.NewServer(server.GRPCOptions(opts...)...)
	policyv1service.RegisterFullService(server.On(srv, opts...), service{})
	return srv
}

// pipelineOptions are what the pipeline is given beside the policy in the proto.
func pipelineOptions(stack string) []server.Option {
	return []server.Option{
		server.WithLogger(logger(stack)),
		server.WithAuthenticator(server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
			if token := metadata.ValueFromIncomingContext(ctx, peers.TokenKey); len(token) == 1 && token[0] == peers.Token {
				return reader, nil
			}
			return nil, nil
		})),
	}
}

// logger writes JSON to io.Discard.
func logger(stack string) *slog.Logger {
	level := slog.LevelInfo
	if stack == oursNoLog {
		level = slog.LevelError
	}
	opts := &slog.HandlerOptions{Level: level}
	if stack == middleware {
		return slog.New(slog.NewJSONHandler(io.Discard, opts))
	}
	return slog.New(server.NewJSONHandler(io.Discard, opts))
}

// reader is the principal of all calls. It is created in advance, as by an authenticator that
// caches tokens.
var reader = runtime.NewPrincipal("reader", "read", "here")

// headersOf returns what callers of a stack send: the token, a request ID as our generated clients
// send it, and a trace context to the stacks that follow it. The server that the stack is compared
// with receives the same.
func headersOf(stack string) []string {
	headers := []string{peers.TokenKey, peers.Token}
	if stack != oursNoID {
		headers = append(headers, peers.RequestIDKey, peers.RequestID)
	}
	if traceparent, ok := traceparents[stack]; ok {
		headers = append(headers, "traceparent", traceparent)
	}
	return headers
}

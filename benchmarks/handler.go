package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1/policyv1service"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// measureHandlers compares the handlers of the unary method, without a network: what a stack adds
// by itself.
func measureHandlers(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	for _, stack := range stacks {
		r, err := measureHandler(ctx, stack, o)
		if err != nil {
			return err
		}
		fmt.Println(r.row())
	}
	return nil
}

func measureHandler(ctx context.Context, stack string, o options) (result, error) {
	return measure("unary, handler", stack, o.pairs, o.direct,
		handlerBlock(ctx, stack, bare, o.direct), handlerBlock(ctx, stack, stack, o.direct))
}

// handlerBlock makes n calls of the unary method's handler, as callers of another stack do.
func handlerBlock(ctx context.Context, caller, stack string, n int) block {
	return methodBlock(transportContext(ctx, caller), unaryHandler(stack), n)
}

// transportContext returns the context of a call as a transport makes it.
func transportContext(ctx context.Context, stack string) context.Context {
	ctx = peer.NewContext(ctx, &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 4711}})
	return metadata.NewIncomingContext(ctx, metadata.Pairs(headersOf(stack)...))
}

// unaryHandler returns what grpc calls for the unary method.
func unaryHandler(stack string) unaryMethod {
	switch stack {
	case middleware:
		return stockMethod(chain(unaryMiddleware()))
	case ours, oursNoLog, oursNoID:
		return pipelineMethod(pipelineOptions(stack)...)
	default:
		return stockMethod(nil)
	}
}

// unaryMethod is what grpc calls for a unary method.
type unaryMethod func(ctx context.Context, decode func(any) error) (any, error)

// pipelineMethod is the method in a pipeline.
func pipelineMethod(opts ...server.Option) unaryMethod {
	var r registered
	policyv1service.RegisterFullService(server.On(&r, opts...), service{})
	return func(ctx context.Context, decode func(any) error) (any, error) {
		return r.handler(service{}, ctx, decode, nil)
	}
}

// stockMethod is the method of protoc-gen-go-grpc with an interceptor.
func stockMethod(interceptor grpc.UnaryServerInterceptor) unaryMethod {
	handler := policyv1.FullService_ServiceDesc.Methods[0].Handler
	return func(ctx context.Context, decode func(any) error) (any, error) {
		return handler(stockService{}, ctx, decode, interceptor)
	}
}

// methodCall makes one call.
func methodCall(ctx context.Context, method unaryMethod) func() error {
	encoded, _ := proto.Marshal(&kindsv1.Request{Text: "hello"}) // cannot fail
	decode := func(req any) error { return proto.Unmarshal(encoded, req.(proto.Message)) }
	return func() error {
		_, err := method(ctx, decode)
		return err
	}
}

// methodBlock makes n calls.
func methodBlock(ctx context.Context, method unaryMethod, n int) block {
	call := methodCall(ctx, method)
	return func() (peers.Usage, error) {
		before, err := peers.Used()
		if err != nil {
			return peers.Usage{}, err
		}
		for range n {
			if err := call(); err != nil {
				return peers.Usage{}, err
			}
		}
		after, err := peers.Used()
		return after.Since(before), err
	}
}

// registered keeps the handler of the first unary method that is registered.
type registered struct{ handler grpc.MethodHandler }

// RegisterService implements grpc.ServiceRegistrar.
func (r *registered) RegisterService(desc *grpc.ServiceDesc, _ any) {
	r.handler = desc.Methods[0].Handler
}

// chain makes one interceptor of many, as grpc does.
func chain(all []grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return all[0](ctx, req, info, next(all, 0, info, handler))
	}
}

func next(all []grpc.UnaryServerInterceptor, i int, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) grpc.UnaryHandler {
	if i == len(all)-1 {
		return handler
	}
	return func(ctx context.Context, req any) (any, error) {
		return all[i+1](ctx, req, info, next(all, i+1, info, handler))
	}
}

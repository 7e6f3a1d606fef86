package main

import (
	"context"
	"time"

	stockprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1/policyv1service"
	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// measureMetrics compares the handler of a unary method with metrics to the same one without them.
func measureMetrics(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(transportContext(ctx, ours), time.Hour)
	defer cancel()
	stock := stockprom.NewServerMetrics(stockprom.WithServerHandlingTimeHistogram())
	printHead("without metrics")
	for _, row := range []struct {
		stack       string
		base, other unaryMethod
	}{
		{ours, pipelineMethod(), pipelineMethod()}, // the noise
		{ours, pipelineMethod(), pipelineMethod(server.WithObservers(grpcprom.New().Server()))},
		{middleware, stockMethod(nil), stockMethod(stock.UnaryServerInterceptor())},
	} {
		base, other := methodBlock(ctx, row.base, o.direct), methodBlock(ctx, row.other, o.direct)
		if err := compare("metrics of a unary call, handler", row.stack, o.pairs, o.direct, base, other); err != nil {
			return err
		}
	}
	return nil
}

// unaryMethod is what grpc calls for a unary method.
type unaryMethod func(ctx context.Context, decode func(any) error) (any, error)

// pipelineMethod is the method in a pipeline.
func pipelineMethod(opts ...server.Option) unaryMethod {
	var r registered
	opts = append(opts, pipelineOptions(oursNoLog)...)
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

// methodBlock makes n calls.
func methodBlock(ctx context.Context, method unaryMethod, n int) block {
	encoded, _ := proto.Marshal(&kindsv1.Request{Text: "hello"}) // cannot fail
	decode := func(req any) error { return proto.Unmarshal(encoded, req.(proto.Message)) }
	return func() (usage, error) {
		before, err := used()
		if err != nil {
			return usage{}, err
		}
		for range n {
			if _, err := method(ctx, decode); err != nil {
				return usage{}, err
			}
		}
		after, err := used()
		return after.since(before), err
	}
}

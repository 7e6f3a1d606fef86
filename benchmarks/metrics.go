package main

import (
	"context"
	"time"

	stockprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"

	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// measureMetrics compares the handler of a unary method with metrics to the same one without them.
func measureMetrics(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(transportContext(ctx, ours), time.Hour)
	defer cancel()
	stock := stockprom.NewServerMetrics(stockprom.WithServerHandlingTimeHistogram())
	quiet := pipelineOptions(oursNoLog)
	printHead("without metrics")
	for _, row := range []struct {
		stack       string
		base, other unaryMethod
	}{
		{ours, pipelineMethod(quiet...), pipelineMethod(quiet...)}, // the noise
		{ours, pipelineMethod(quiet...), pipelineMethod(append(quiet, server.WithObservers(grpcprom.New().Server()))...)},
		{middleware, stockMethod(nil), stockMethod(stock.UnaryServerInterceptor())},
	} {
		base, other := methodBlock(ctx, row.base, o.direct), methodBlock(ctx, row.other, o.direct)
		if err := compare("metrics of a unary call, handler", row.stack, o.pairs, o.direct, base, other); err != nil {
			return err
		}
	}
	return nil
}

package sdktest

import (
	"context"
	"net"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
)

// finished is a call that has ended.
type finished struct {
	runtime.Call
	peer net.Addr
}

func (*finished) RequestID() string { return "6f1c" }
func (c *finished) Peer() net.Addr  { return c.peer }
func (*finished) Received() int64   { return 1 }
func (*finished) Sent() int64       { return 1 }

// incoming returns the context of a call with the trace of a caller.
func incoming(sampled bool) context.Context {
	parent := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"
	parent += map[bool]string{true: "1", false: "0"}[sampled]
	return metadata.NewIncomingContext(context.Background(), metadata.Pairs("traceparent", parent))
}

// discarding is an exporter that does nothing.
type discarding struct{}

func (discarding) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discarding) Shutdown(context.Context) error                             { return nil }

// withIncoming returns ctx with the metadata of another context.
func withIncoming(ctx, other context.Context) context.Context {
	md, _ := metadata.FromIncomingContext(other)
	return metadata.NewIncomingContext(ctx, md)
}

// neverSampler drops all spans, also those whose parent is sampled.
type neverSampler struct{}

func (neverSampler) ShouldSample(sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return sdktrace.SamplingResult{Decision: sdktrace.Drop}
}

func (neverSampler) Description() string { return "never" }

package grpcotel

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/internal/incoming"
)

// maxHeader is the length in bytes of the longest header that is read: that of baggage in its
// standard, which is the longest.
const maxHeader = 8192

// traceparent may occur only once; two of them say nothing.
const traceparent = "traceparent"

// received reads the metadata that a server has received, without copying it. Propagators use it
// only until they return.
type received struct {
	ctx    context.Context
	header incoming.Header
}

var receiveds = sync.Pool{New: func() any { return new(received) }}

// Get implements propagation.TextMapCarrier. A header with bytes that gRPC does not allow is "":
// an exporter could not encode it.
func (c *received) Get(key string) string {
	switch values := c.header.Values(strings.ToLower(key)); {
	case len(values) == 0 || len(values) > 1 && key == traceparent:
		return ""
	case len(values) == 1:
		return readable(values[0])
	default:
		return readable(strings.Join(values, ","))
	}
}

// readable returns a header that is not too long and consists of what gRPC allows in metadata; ""
// for another one.
func readable(value string) string {
	if len(value) > maxHeader {
		return ""
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return ""
		}
	}
	return value
}

// Set implements propagation.TextMapCarrier.
func (*received) Set(string, string) {}

// Keys implements propagation.TextMapCarrier.
func (c *received) Keys() []string {
	md, _ := metadata.FromIncomingContext(c.ctx)
	return slices.Collect(maps.Keys(md))
}

// extract returns ctx with the span of the caller.
func (t *Telemetry) extract(ctx context.Context) context.Context {
	header := incoming.Of(ctx)
	if with, ok := t.withCaller(ctx, header); ok {
		return with
	}
	c := receiveds.Get().(*received)
	c.ctx, c.header = ctx, header
	extracted := t.propagator.Extract(ctx, c)
	*c = received{}
	receiveds.Put(c)
	return extracted
}

// outgoing adds to the metadata that a client sends. It copies that when the first header is set.
type outgoing struct {
	ctx context.Context
	md  metadata.MD
}

// Get implements propagation.TextMapCarrier.
func (c *outgoing) Get(key string) string {
	md := c.md
	if md == nil {
		md, _ = metadata.FromOutgoingContext(c.ctx)
	}
	if values := md.Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Set implements propagation.TextMapCarrier. It replaces a header that the caller has set, for
// example because it forwards all metadata.
func (c *outgoing) Set(key, value string) {
	if c.md == nil {
		c.md, _ = metadata.FromOutgoingContext(c.ctx)
	}
	if c.md == nil {
		c.md = metadata.MD{}
	}
	c.md.Set(key, value)
}

// Keys implements propagation.TextMapCarrier.
func (c *outgoing) Keys() []string {
	md := c.md
	if md == nil {
		md, _ = metadata.FromOutgoingContext(c.ctx)
	}
	return slices.Collect(maps.Keys(md))
}

var outgoings = sync.Pool{New: func() any { return new(outgoing) }}

// inject returns ctx with the span of ctx in the metadata that is sent.
func (t *Telemetry) inject(ctx context.Context) context.Context {
	c := outgoings.Get().(*outgoing)
	c.ctx = ctx
	t.propagator.Inject(ctx, c)
	md := c.md
	*c = outgoing{}
	outgoings.Put(c)
	if md == nil {
		return ctx
	}
	return metadata.NewOutgoingContext(ctx, md)
}

var (
	_ propagation.TextMapCarrier = (*received)(nil)
	_ propagation.TextMapCarrier = (*outgoing)(nil)
)

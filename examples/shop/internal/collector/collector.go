// Package collector is an OpenTelemetry collector that keeps spans in memory, for the demo and the
// tests.
package collector

import (
	"context"
	"encoding/hex"
	"net"
	"slices"
	"strings"
	"sync"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// Collector receives spans on a free port.
type Collector struct {
	// URL is the value of OTEL_EXPORTER_OTLP_ENDPOINT for this collector.
	URL string

	server *grpc.Server
	served chan struct{} // closed when the server has stopped

	mu       sync.Mutex
	spans    []Span
	received chan struct{} // closed and replaced when spans arrive
}

// Span is a part of a trace.
type Span struct {
	Trace, ID, Parent string // in hexadecimal; Parent is "" for the root
	Service           string // the program, from OTEL_SERVICE_NAME
	Name              string
	Kind              string // client, server, ...
	Failed            bool
	Start             uint64 // in nanoseconds
}

// Start starts a collector.
func Start() (*Collector, error) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &Collector{
		URL: "http://" + lis.Addr().String(), server: grpc.NewServer(),
		served: make(chan struct{}), received: make(chan struct{}),
	}
	coltracepb.RegisterTraceServiceServer(c.server, &traces{c: c})
	go func() {
		defer close(c.served)
		_ = c.server.Serve(lis) // until Stop
	}()
	return c, nil
}

// Stop closes the connections.
func (c *Collector) Stop() {
	c.server.Stop()
	<-c.served
}

// Wait returns the spans of a trace as soon as enough reports true for them, or when ctx ends.
func (c *Collector) Wait(ctx context.Context, trace string, enough func([]Span) bool) ([]Span, error) {
	for {
		spans, received := c.of(trace)
		if enough(spans) {
			return spans, nil
		}
		select {
		case <-received:
		case <-ctx.Done():
			return spans, ctx.Err()
		}
	}
}

// of returns the spans of a trace, in the order of their start, and what is closed when more
// arrive.
func (c *Collector) of(trace string) (spans []Span, received <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, span := range c.spans {
		if span.Trace == trace {
			spans = append(spans, span)
		}
	}
	slices.SortStableFunc(spans, func(a, b Span) int { return int(int64(a.Start - b.Start)) })
	return spans, c.received
}

// Tree returns the spans of a trace as lines, each below its parent.
func Tree(spans []Span) string {
	var b strings.Builder
	var write func(parent, indent string)
	write = func(parent, indent string) {
		for _, span := range spans {
			if span.Parent == parent {
				b.WriteString(indent + span.Service + ": " + span.Name + " (" + span.Kind + ")\n")
				write(span.ID, indent+"  ")
			}
		}
	}
	write("", "")
	return b.String()
}

// traces implements the service of collectors.
type traces struct {
	coltracepb.UnimplementedTraceServiceServer
	c *Collector
}

// Export keeps the spans of a request.
func (t *traces) Export(_ context.Context, req *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	c := t.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range req.GetResourceSpans() {
		for _, scope := range of.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.spans = append(c.spans, newSpan(serviceName(of.GetResource()), span))
			}
		}
	}
	close(c.received)
	c.received = make(chan struct{})
	return &coltracepb.ExportTraceServiceResponse{}, nil
}

func newSpan(service string, span *tracepb.Span) Span {
	return Span{
		Trace: hex.EncodeToString(span.GetTraceId()), ID: hex.EncodeToString(span.GetSpanId()), Parent: hex.EncodeToString(span.GetParentSpanId()),
		Service: service, Name: span.GetName(), Start: span.GetStartTimeUnixNano(),
		Kind:   strings.ToLower(strings.TrimPrefix(span.GetKind().String(), "SPAN_KIND_")),
		Failed: span.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR,
	}
}

func serviceName(resource *resourcepb.Resource) string {
	for _, attribute := range resource.GetAttributes() {
		if attribute.GetKey() == "service.name" {
			return attribute.GetValue().GetStringValue()
		}
	}
	return ""
}

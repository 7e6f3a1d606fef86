package sdktest

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net"
	"sync"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/otlp"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// adder is a service whose RPC Add starts an operation.
type adder interface {
	Add(context.Context, *wrapperspb.Int64Value) (*longrunningpb.Operation, error)
}

var (
	adderTable = runtime.NewService("example.v1.Adder", wrapperspb.File_google_protobuf_wrappers_proto,
		runtime.Unary("Add", adder.Add, runtime.Policy{}))
	adderAdd = operation.Of[wrapperspb.Int64Value, wrapperspb.Int64Value](
		adderTable.Method("Add"), adder.Add, operation.Fields{})
)

type adding struct{ ops *operation.Manager }

func (a adding) Add(ctx context.Context, req *wrapperspb.Int64Value) (*longrunningpb.Operation, error) {
	return adderAdd.Start(ctx, a.ops, req)
}

// collector is an OpenTelemetry collector in this process.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer
	mu    sync.Mutex
	spans map[string]*tracepb.Span // by name and kind
}

// Export implements the service of collectors.
func (c *collector) Export(
	_ context.Context, req *collectorpb.ExportTraceServiceRequest,
) (*collectorpb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range req.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans[s.GetName()+" "+s.GetKind().String()[len("SPAN_KIND_"):]] = s
			}
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// span returns a span when it has arrived.
func (c *collector) span(t *testing.T, name string) (span *tracepb.Span) {
	t.Helper()
	eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		span = c.spans[name]
		return span != nil
	})
	return span
}

// startCollector serves a collector, and sends it the spans of the returned Telemetry.
func startCollector(t *testing.T) (*collector, *grpcotel.Telemetry) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{spans: map[string]*tracepb.Span{}}
	srv := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(srv, c)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(lis) }()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+lis.Addr().String())
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	traces := otlp.New()
	stop, err := traces.Start(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(context.Background()); err != nil {
			t.Error(err)
		}
		srv.Stop()
		echotest.Within(t, served)
	})
	return c, grpcotel.New(grpcotel.WithTracerProvider(traces.TracerProvider()))
}

// TestOneTree follows a trace from a client to a server, the operation that it starts, and the
// server that the operation calls, in what a collector receives.
func TestOneTree(t *testing.T) {
	c, telemetry := startCollector(t)
	r := &rig{Telemetry: telemetry}
	downstream := r.serve(t, ok())

	ops := operation.NewManager(operation.Memory(), operation.WithTracing(telemetry),
		operation.WithLogger(slog.New(slog.DiscardHandler)))
	adderAdd.Handle(ops, func(
		ctx context.Context, run *operation.Run[wrapperspb.Int64Value, wrapperspb.Int64Value],
	) (*wrapperspb.Int64Value, error) {
		_, err := downstream.One(ctx, echotest.TenBytes)
		return run.Request(), err
	})
	srv := server.New(server.WithDrainDelay(0), server.WithObservers(telemetry.Server()),
		server.WithoutAuthentication())
	server.Register[adder](srv, adderTable, adding{ops})
	operation.Register(srv, ops)
	conn := dial(t, echotest.ListenAndServe(t, srv), client.WithObservers(telemetry.Client()))
	add := client.Bind(conn, adderTable.Method("Add"))
	_, err := client.Unary[longrunningpb.Operation](echotest.Context(t), add, wrapperspb.Int64(4))
	if err != nil {
		t.Fatal(err)
	}

	chain := []string{
		"example.v1.Adder/Add CLIENT", "example.v1.Adder/Add SERVER",
		"operation example.v1.Adder/Add CONSUMER", "test.v1.Echo/One CLIENT", "test.v1.Echo/One SERVER",
	}
	root := c.span(t, chain[0])
	if len(root.GetParentSpanId()) != 0 {
		t.Errorf("the root has the parent %x", root.GetParentSpanId())
	}
	for i, name := range chain[1:] {
		parent, span := c.span(t, chain[i]), c.span(t, name)
		if string(span.GetParentSpanId()) != string(parent.GetSpanId()) ||
			string(span.GetTraceId()) != string(root.GetTraceId()) {
			t.Errorf("%s is not a child of %s", name, chain[i])
		}
	}
	call, attempt := c.span(t, chain[1]), c.span(t, chain[2])
	links := attempt.GetLinks()
	if len(links) != 1 || string(links[0].GetSpanId()) != string(call.GetSpanId()) {
		t.Errorf("the attempt has the links %v, want one to %s", links, hex.EncodeToString(call.GetSpanId()))
	}
}

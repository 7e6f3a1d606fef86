package otlp_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/otlp"
)

// collector is an OpenTelemetry collector in this process.
type collector struct {
	coltracepb.UnimplementedTraceServiceServer
	export func(context.Context) error // nil accepts

	mu    sync.Mutex
	names []string // of spans
}

// Export implements the service of collectors.
func (c *collector) Export(ctx context.Context, req *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	if c.export != nil {
		if err := c.export(ctx); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range req.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.names = append(c.names, span.GetName())
			}
		}
	}
	return &coltracepb.ExportTraceServiceResponse{}, nil
}

// start serves the collector until the test ends, and sets the endpoint.
func (c *collector) start(t *testing.T) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	coltracepb.RegisterTraceServiceServer(srv, c)
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(lis) }()
	t.Cleanup(func() { srv.Stop(); <-served })
	setEndpoint(t, "http://"+lis.Addr().String())
}

// setEndpoint sets an environment in which batches are sent at once.
func setEndpoint(t *testing.T, url string) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
}

// start starts an exporter, and returns its tracer and the function that stops it.
func start(t *testing.T, e *otlp.Exporter) (trace.Tracer, func(context.Context)) {
	t.Helper()
	stop, err := e.Start(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return e.TracerProvider().Tracer("test"), func(ctx context.Context) {
		if err := stop(ctx); err != nil {
			t.Errorf("the end of the exporter is %v, want no error", err)
		}
	}
}

// values returns what a source reports, by the values of labels.
func values(s metric.Source) map[string]float64 {
	all := make(map[string]float64)
	s.Collect(func(d *metric.Desc, v float64, labels ...string) { all[d.Name+strings.Join(labels, ",")] += v })
	return all
}

// wantValues checks the counters of an exporter that has nothing left to send.
func wantValues(t *testing.T, e *otlp.Exporter, sent, failed, dropped float64) {
	t.Helper()
	got := values(e)
	for name, want := range map[string]float64{
		metric.OTLPSpans + "sent": sent, metric.OTLPSpans + "failed": failed, metric.OTLPSpans + "dropped": dropped, metric.OTLPWaiting: 0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

func TestSpansArrive(t *testing.T) {
	c := new(collector)
	c.start(t)
	e := otlp.New(otlp.WithLogger(quiet(t)))
	tracer, stop := start(t, e)
	for _, name := range []string{"a", "b"} {
		_, span := tracer.Start(t.Context(), name)
		span.End()
	}
	stop(t.Context())
	if got := strings.Join(c.names, " "); got != "a b" {
		t.Errorf("the collector has received %q, want the two spans", got)
	}
	wantValues(t, e, 2, 0, 0)
}

// TestWithoutEndpoint checks that nothing is recorded without an endpoint, and that the trace of
// the caller is passed on.
func TestWithoutEndpoint(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	tracer, stop := start(t, otlp.New(otlp.WithLogger(quiet(t))))
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, Remote: true})
	_, span := tracer.Start(trace.ContextWithRemoteSpanContext(t.Context(), remote), "a")
	if got := span.SpanContext(); span.IsRecording() || got.SpanID() != remote.SpanID() || !got.IsSampled() {
		t.Errorf("the span is recorded, or is not that of the caller: %v", got)
	}
	stop(t.Context())
}

// TestBadEnvironment checks that mistakes which the SDK would only log are errors of Start.
func TestBadEnvironment(t *testing.T) {
	for name, tt := range map[string]struct{ env, value, want string }{
		"no scheme":        {"OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317", `want a URL such as http://localhost:4317`},
		"no host":          {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://", `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://": want a URL`},
		"another protocol": {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", `OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf": want grpc`},
		"another exporter": {"OTEL_TRACES_EXPORTER", "console", `OTEL_TRACES_EXPORTER="console": want otlp or none`},
	} {
		t.Run(name, func(t *testing.T) {
			setEndpoint(t, "http://127.0.0.1:1")
			t.Setenv(tt.env, tt.value)
			e := otlp.New()
			if _, err := e.Start(t.Context(), nil); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want …%s…", err, tt.want)
			}
			_, span := e.TracerProvider().Tracer("test").Start(t.Context(), "a")
			span.End() // must not panic
		})
	}
}

func TestStartTwice(t *testing.T) {
	new(collector).start(t)
	e := otlp.New(otlp.WithLogger(quiet(t)))
	_, stop := start(t, e)
	if _, err := e.Start(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "started before") {
		t.Errorf("the second start gives %v, want an error", err)
	}
	stop(t.Context())
}

func TestQueueWithoutRoom(t *testing.T) {
	new(collector).start(t)
	if _, err := otlp.New(otlp.WithQueue(0)).Start(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "WithQueue: the number of spans is 0") {
		t.Errorf("a queue for no spans gives %v, want an error", err)
	}
}

// TestDeadCollector checks that a collector that is away is logged once, and that the shutdown
// gives up at the end of its budget.
func TestDeadCollector(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	setEndpoint(t, "http://"+lis.Addr().String())
	lis.Close() // connections are refused
	log := new(records)
	e := otlp.New(otlp.WithLogger(log.logger()))
	tracer, stop := start(t, e)
	const spans = 2000 // several batches
	for range spans {
		_, span := tracer.Start(t.Context(), "a")
		span.End()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	stop(ctx)
	wantValues(t, e, 0, spans, 0)
	if n := log.count("the collector does not accept spans"); n != 1 {
		t.Errorf("the outage is logged %d times, want once:\n%v", n, log)
	}
	if n := log.count("the last spans were not sent"); n != 1 {
		t.Errorf("the lost spans are logged %d times, want once:\n%v", n, log)
	}
}

// TestSlowCollector checks that spans that find the queue full are dropped without waiting, that
// this is logged once, and that the shutdown cancels what the collector does not take.
func TestSlowCollector(t *testing.T) {
	const limit, extra = 8, 50
	arrived := make(chan struct{}, 100)
	c := &collector{export: func(ctx context.Context) error {
		arrived <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}}
	c.start(t)
	log := new(records)
	e := otlp.New(otlp.WithLogger(log.logger()), otlp.WithQueue(limit))
	tracer, stop := start(t, e)
	for range limit + extra {
		_, span := tracer.Start(t.Context(), "a")
		span.End()
	}
	echotest.Within(t, arrived)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	stop(ended)
	wantValues(t, e, 0, limit, extra)
	if n := log.count("the queue of spans is full"); n != 1 {
		t.Errorf("the full queue is logged %d times, want once:\n%v", n, log)
	}
}

// TestCollectorComesBack checks that a recovery is logged with the number of lost spans.
func TestCollectorComesBack(t *testing.T) {
	calls := 0
	c := &collector{export: func(context.Context) error {
		if calls++; calls == 1 {
			return status.Error(codes.InvalidArgument, "not these") // not retried
		}
		return nil
	}}
	c.start(t)
	log := new(records)
	e := otlp.New(otlp.WithLogger(log.logger()))
	tracer, stop := start(t, e)
	flush := e.TracerProvider().(interface{ ForceFlush(context.Context) error }).ForceFlush
	for _, name := range []string{"a", "b"} {
		_, span := tracer.Start(t.Context(), name)
		span.End()
		if err := flush(t.Context()); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	stop(t.Context())
	wantValues(t, e, 1, 1, 0)
	if log.count("not these") != 1 || log.count("accepts spans again lost=1") != 1 {
		t.Errorf("want the outage and the recovery in the log:\n%v", log)
	}
}

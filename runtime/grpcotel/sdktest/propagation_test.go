package sdktest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	caller  = "00-" + traceID + "-00f067aa0ba902b7-01"
)

// TestHostileHeaders sends what no client should: the call succeeds, and has a span that can be
// encoded.
func TestHostileHeaders(t *testing.T) {
	long := strings.Repeat("a", 8<<10)
	for name, test := range map[string]struct {
		headers   metadata.MD
		continues bool // the caller's trace
	}{
		"good":                  {metadata.MD{"traceparent": {caller}, "tracestate": {"a=1", "b=2"}}, true},
		"two traceparents":      {metadata.MD{"traceparent": {caller, caller}}, false},
		"long traceparent":      {metadata.MD{"traceparent": {caller + long}}, false},
		"traceparent of zeros":  {metadata.MD{"traceparent": {"00-" + strings.Repeat("0", 32) + "-" + strings.Repeat("0", 16) + "-01"}}, false},
		"capital traceparent":   {metadata.MD{"traceparent": {strings.ToUpper(caller)}}, false},
		"version ff":            {metadata.MD{"traceparent": {"ff" + caller[2:]}}, false},
		"invalid UTF-8":         {metadata.MD{"traceparent": {"00-\xff" + caller[4:]}}, false},
		"long tracestate":       {metadata.MD{"traceparent": {caller}, "tracestate": {"a=" + long}}, true},
		"many tracestates":      {metadata.MD{"traceparent": {caller}, "tracestate": strings.Split(strings.Repeat("a=1 ", 500), " ")}, true},
		"tracestate of garbage": {metadata.MD{"traceparent": {caller}, "tracestate": {"\xff\x00=\n"}}, true},
		"long baggage":          {metadata.MD{"traceparent": {caller}, "baggage": {"a=" + long + long}}, true},
		"baggage of garbage":    {metadata.MD{"traceparent": {caller}, "baggage": {"\xff=\xfe,;;,=", "%ff=%"}}, true},
		"much baggage":          {metadata.MD{"traceparent": {caller}, "baggage": {strings.Repeat("a=1,", 2000)}}, true},
	} {
		r := newRig(t, grpcotel.WithBaggage())
		m := r.Server().Bind(echotest.Table.Method("One"))
		call := &finished{}
		ctx := m.Begin(metadata.NewIncomingContext(context.Background(), test.headers), call)
		if b := baggage.FromContext(ctx).String(); len(b) > 8<<10 {
			t.Errorf("%s: the call has %d bytes of baggage", name, len(b))
		}
		m.End(ctx, call, runtime.Outcome{})
		span := r.ended(t, trace.SpanKindServer, 1)[0].SpanContext()
		if got := span.TraceID().String() == traceID; got != test.continues {
			t.Errorf("%s: the trace is %v; does it continue the caller's: %v, want %v", name, span.TraceID(), got, test.continues)
		}
		if s := span.TraceState().String(); len(s) > 1000 {
			t.Errorf("%s: the tracestate has %d bytes", name, len(s))
		}
	}
}

// TestHostileHeadersOverTheWire sends headers that a real connection lets through.
func TestHostileHeadersOverTheWire(t *testing.T) {
	r := newRig(t, grpcotel.WithBaggage())
	srv := server.New(server.WithDrainDelay(0), server.WithObservers(r.Server()))
	server.Register[echotest.Service](srv, echotest.Table, ok())
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, dial(t, echotest.ListenAndServe(t, srv)))}
	for _, value := range []string{"", " ", caller + " ", strings.Repeat("0", 5000), strings.Repeat("a=b;", 1000)} {
		ctx := metadata.AppendToOutgoingContext(echotest.Context(t),
			"traceparent", value, "tracestate", value, "baggage", value)
		if _, err := stub.One(ctx, echotest.TenBytes); err != nil {
			t.Errorf("%.20q: %v", value, err)
		}
	}
	r.ended(t, trace.SpanKindServer, 5)
	r.checkBalance(t)
}

// TestHeadersAreReplaced holds that a client sends one trace context, its own, even if the caller
// forwards all metadata.
func TestHeadersAreReplaced(t *testing.T) {
	r := newRig(t)
	var got metadata.MD
	c := r.serve(t, echotest.Behaving(func(ctx context.Context) error {
		got, _ = metadata.FromIncomingContext(ctx)
		return nil
	}))
	ctx := metadata.NewOutgoingContext(echotest.Context(t),
		metadata.Pairs("traceparent", caller, "baggage", "user=ann", "x-other", "kept"))
	if _, err := c.One(ctx, echotest.TenBytes); err != nil {
		t.Fatal(err)
	}
	if sent := got.Get("traceparent"); len(sent) != 1 || sent[0] == caller {
		t.Errorf("the server received the traceparents %q", sent)
	}
	if len(got.Get("x-request-id")) != 1 || len(got.Get("x-other")) != 1 || len(got.Get("baggage")) != 1 {
		t.Errorf("the server received %q", got)
	}
}

func TestBaggage(t *testing.T) {
	member, err := baggage.NewMember("user", "ann")
	if err != nil {
		t.Fatal(err)
	}
	bag, err := baggage.New(member)
	if err != nil {
		t.Fatal(err)
	}
	for want, options := range map[string][]grpcotel.Option{
		"": nil, "user=ann": {grpcotel.WithBaggage()},
	} {
		r := newRig(t, options...)
		var got string
		c := r.serve(t, echotest.Behaving(func(ctx context.Context) error {
			got = baggage.FromContext(ctx).String()
			return nil
		}))
		if _, err := c.One(baggage.ContextWithBaggage(echotest.Context(t), bag), echotest.TenBytes); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("the baggage is %q, want %q", got, want)
		}
	}
}

// TestPublicEndpoint holds that callers do not choose the trace.
func TestPublicEndpoint(t *testing.T) {
	r := newRig(t, grpcotel.WithPublicEndpoint())
	m := r.Server().Bind(echotest.Table.Method("One"))
	for _, ctx := range []context.Context{incoming(true), incoming(false), context.Background()} {
		call := &finished{}
		m.End(m.Begin(ctx, call), call, runtime.Outcome{})
	}
	for i, span := range r.ended(t, trace.SpanKindServer, 3) {
		if span.Parent().IsValid() || span.SpanContext().TraceID().String() == traceID {
			t.Errorf("call %d: the span is a child of %v", i, span.Parent())
		}
		if links := span.Links(); len(links) != map[bool]int{true: 1}[i < 2] ||
			len(links) == 1 && links[0].SpanContext.TraceID().String() != traceID {
			t.Errorf("call %d: the links are %v", i, links)
		}
	}
}

// broken panics wherever the SDK and its extensions call it.
type broken struct{ at string }

func (b broken) fail(at string) {
	if b.at == at {
		panic(at)
	}
}

func (b broken) Inject(context.Context, propagation.TextMapCarrier) { b.fail("inject") }
func (b broken) Extract(ctx context.Context, _ propagation.TextMapCarrier) context.Context {
	b.fail("extract")
	return ctx
}
func (broken) Fields() []string { return nil }
func (b broken) ShouldSample(sdktrace.SamplingParameters) sdktrace.SamplingResult {
	b.fail("sample")
	return sdktrace.SamplingResult{Decision: sdktrace.RecordAndSample}
}
func (broken) Description() string                               { return "broken" }
func (b broken) OnStart(context.Context, sdktrace.ReadWriteSpan) { b.fail("start") }
func (b broken) OnEnd(sdktrace.ReadOnlySpan)                     { b.fail("end") }
func (broken) Shutdown(context.Context) error                    { return nil }
func (broken) ForceFlush(context.Context) error                  { return nil }

// TestPanicsFailNoCall holds that what the user supplies to OpenTelemetry fails no call, and is
// reported once.
func TestPanicsFailNoCall(t *testing.T) {
	var mu sync.Mutex
	var reports []string
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		reports = append(reports, err.Error())
	}))
	for _, at := range []string{"inject", "extract", "sample", "start", "end"} {
		b := broken{at}
		traces := sdktrace.NewTracerProvider(sdktrace.WithSampler(b), sdktrace.WithSpanProcessor(b))
		r := &rig{Telemetry: grpcotel.New(
			grpcotel.WithTracerProvider(traces), grpcotel.WithPropagator(b), grpcotel.WithBaggage())}
		c := r.serve(t, ok())
		for range 3 {
			for i, err := range callAll(echotest.Context(t), c) {
				if err != nil {
					t.Errorf("%s: call %d: %v", at, i, err)
				}
			}
		}
		_, end := r.Attempt(echotest.Context(t), "operations/1", "/a/b", 1, r.Inject(context.Background()))
		end(nil)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(reports) != 5 {
		t.Errorf("reported %q, want one report for each", reports)
	}
}

// TestNothingIsConfigured holds that nil and missing values are the defaults.
func TestNothingIsConfigured(t *testing.T) {
	var noTraces *sdktrace.TracerProvider
	r := &rig{Telemetry: grpcotel.New(nil, grpcotel.WithTracerProvider(nil), grpcotel.WithTracerProvider(noTraces),
		grpcotel.WithMeterProvider(nil), grpcotel.WithPropagator(nil))}
	var inside trace.SpanContext
	c := r.serve(t, echotest.Behaving(func(ctx context.Context) error {
		inside = trace.SpanContextFromContext(ctx)
		return nil
	}))
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: 1})
	_, err := c.One(trace.ContextWithSpanContext(echotest.Context(t), span), echotest.TenBytes)
	wantCode(t, err, codes.OK)
	if inside.TraceID() != span.TraceID() {
		t.Errorf("without an SDK, the server has the trace %v, want %v", inside.TraceID(), span.TraceID())
	}
}

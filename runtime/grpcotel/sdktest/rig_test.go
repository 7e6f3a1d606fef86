package sdktest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

func TestMain(m *testing.M) { echotest.Main(m) }

// rig records the spans and metrics of a Telemetry.
type rig struct {
	*grpcotel.Telemetry
	spans  *tracetest.SpanRecorder
	traces *sdktrace.TracerProvider
	reader *sdkmetric.ManualReader
}

func newRig(t testing.TB, opts ...grpcotel.Option) *rig {
	return newSampledRig(t, sdktrace.AlwaysSample(), opts...)
}

func newSampledRig(t testing.TB, sampler sdktrace.Sampler, opts ...grpcotel.Option) *rig {
	t.Helper()
	if _, never := sampler.(neverSampler); !never {
		sampler = sdktrace.ParentBased(sampler)
	}
	r := &rig{spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
	r.traces = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r.spans),
		sdktrace.WithSampler(sampler))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader))
	r.Telemetry = grpcotel.New(append([]grpcotel.Option{
		grpcotel.WithTracerProvider(r.traces), grpcotel.WithMeterProvider(meters),
	}, opts...)...)
	return r
}

// serve serves impl with the observers of the rig, and returns a client that has them, too.
func (r *rig) serve(t *testing.T, impl echotest.Service, opts ...server.Option) echotest.Client {
	t.Helper()
	srv := server.New(append([]server.Option{
		server.WithDrainDelay(0), server.WithObservers(r.Server()),
	}, opts...)...)
	server.Register[echotest.Service](srv, echotest.Table, impl)
	return r.dial(t, echotest.ListenAndServe(t, srv))
}

func (r *rig) dial(t *testing.T, addr string, opts ...client.Option) echotest.Client {
	t.Helper()
	conn := dial(t, addr, append(opts, client.WithObservers(r.Client()))...)
	return echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
}

func dial(t *testing.T, addr string, opts ...client.Option) *client.Conn {
	t.Helper()
	conn, err := client.Dial(addr, append(opts, client.WithInsecure())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ended returns the spans of a kind that have ended, when there are n of them: a server ends its
// span after the client has the response.
func (r *rig) ended(t *testing.T, kind trace.SpanKind, n int) (spans []sdktrace.ReadOnlySpan) {
	t.Helper()
	eventually(t, func() bool {
		spans = slices.DeleteFunc(slices.Clone(r.spans.Ended()), func(s sdktrace.ReadOnlySpan) bool {
			return s.SpanKind() != kind
		})
		return len(spans) >= n
	})
	if len(spans) != n {
		t.Fatalf("%d %v spans ended, want %d", len(spans), kind, n)
	}
	return spans
}

// pair returns the spans of the only call.
func (r *rig) pair(t *testing.T) (client, server sdktrace.ReadOnlySpan) {
	t.Helper()
	return r.ended(t, trace.SpanKindClient, 1)[0], r.ended(t, trace.SpanKindServer, 1)[0]
}

// checkBalance checks that every span that has started has ended, once.
func (r *rig) checkBalance(t *testing.T) {
	t.Helper()
	eventually(t, func() bool { return len(r.spans.Started()) <= len(r.spans.Ended()) })
	seen := map[trace.SpanID]bool{}
	for _, s := range r.spans.Ended() {
		if id := s.SpanContext().SpanID(); seen[id] {
			t.Errorf("the span %s ended twice", s.Name())
		} else {
			seen[id] = true
		}
	}
	if len(seen) != len(r.spans.Started()) {
		t.Errorf("%d spans started, and %d ended", len(r.spans.Started()), len(seen))
	}
}

// eventually waits until done returns true, however long a busy machine takes.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	ctx := echotest.Context(t)
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatal("what the test waits for has not happened")
		case <-time.After(time.Millisecond):
		}
	}
}

// texts returns attributes as text, sorted.
func texts(attrs []attribute.KeyValue) (all []string) {
	for _, a := range attrs {
		all = append(all, string(a.Key)+"="+a.Value.String())
	}
	slices.Sort(all)
	return all
}

// value returns an attribute of a span; "" without it.
func value(s sdktrace.ReadOnlySpan, key string) string {
	for _, a := range s.Attributes() {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

// points returns all data points as text: the metric, its value or count, and its attributes.
func (r *rig) points(t *testing.T) (all []string) {
	t.Helper()
	var got metricdata.ResourceMetrics
	if err := r.reader.Collect(context.Background(), &got); err != nil {
		t.Fatal(err)
	}
	for _, scope := range got.ScopeMetrics {
		for _, m := range scope.Metrics {
			all = append(all, pointsOf(m)...)
		}
	}
	slices.Sort(all)
	return all
}

func pointsOf(m metricdata.Metrics) (all []string) {
	add := func(value any, set attribute.Set) {
		point := fmt.Sprintf("%s %v %s", m.Name, value, strings.Join(texts(set.ToSlice()), " "))
		all = append(all, strings.TrimSuffix(point, " "))
	}
	switch data := m.Data.(type) {
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			add(p.Count, p.Attributes)
		}
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			add(p.Value, p.Attributes)
		}
	case metricdata.Sum[float64]:
		for _, p := range data.DataPoints {
			add(p.Value, p.Attributes)
		}
	case metricdata.Gauge[float64]:
		for _, p := range data.DataPoints {
			add(p.Value, p.Attributes)
		}
	}
	return all
}

// ok returns an implementation whose methods succeed.
func ok() echotest.Funcs { return failing(nil) }

func failing(err error) echotest.Funcs {
	return echotest.Behaving(func(context.Context) error { return err })
}

// callAll calls all methods and returns the errors.
func callAll(ctx context.Context, c echotest.Client) (errs [4]error) {
	_, errs[0] = c.One(ctx, echotest.TenBytes)
	errs[1] = drain(c.Many(ctx, echotest.TenBytes))
	_, errs[2] = c.Join(ctx, echotest.Texts("a", "b"))
	errs[3] = drain(c.Chat(ctx, echotest.Texts("a", "b")))
	return errs
}

func drain(s runtime.Stream[echotest.Text]) error {
	for _, err := range s {
		if err != nil {
			return err
		}
	}
	return nil
}

func wantCode(t *testing.T, err error, code codes.Code) {
	t.Helper()
	if status.Code(err) != code {
		t.Errorf("the error is %v, want %v", err, code)
	}
}

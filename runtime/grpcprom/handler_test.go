package grpcprom_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

// The formats that Prometheus asks for.
const (
	openMetrics = "application/openmetrics-text;version=1.0.0"
	protobuf    = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// scrape returns the response of a handler.
func scrape(t testing.TB, handler http.Handler, accept string) string {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept", accept)
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	if response.Code != http.StatusOK {
		t.Fatalf("the status is %d: %s", response.Code, response.Body)
	}
	return response.Body.String()
}

// parse parses a response with the decoder of Prometheus.
func parse(t testing.TB, text string, format expfmt.Format) map[string]*dto.MetricFamily {
	t.Helper()
	all := make(map[string]*dto.MetricFamily)
	if format.FormatType() == expfmt.TypeTextPlain {
		parser := expfmt.NewTextParser(model.LegacyValidation)
		all, err := parser.TextToMetricFamilies(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	for decoder := expfmt.NewDecoder(strings.NewReader(text), format); ; {
		family := new(dto.MetricFamily)
		if err := decoder.Decode(family); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[family.GetName()] = family
	}
}

// called returns metrics of a server whose methods have been called once each.
func called(t *testing.T, opts ...grpcprom.Option) *grpcprom.Metrics {
	t.Helper()
	metrics := grpcprom.New(opts...)
	e := serve(t, metrics, echotest.Table, echotest.Behaving(func(context.Context) error { return nil }))
	for method := range kinds {
		if err := e.call(echotest.Context(t), method); err != nil {
			t.Fatal(err)
		}
	}
	e.stop()
	return metrics
}

// TestFormats parses all formats with the parsers of Prometheus.
func TestFormats(t *testing.T) {
	trace := func(context.Context) map[string]string { return map[string]string{"trace_id": "4bf92f35"} }
	handler := called(t, grpcprom.WithExemplars(trace)).Handler()
	text := parse(t, scrape(t, handler, ""), expfmt.NewFormat(expfmt.TypeTextPlain))
	binary := parse(t, scrape(t, handler, protobuf), expfmt.NewFormat(expfmt.TypeProtoDelim))
	for format, all := range map[string]map[string]*dto.MetricFamily{"text": text, "protobuf": binary} {
		for _, name := range []string{"go_goroutines", "process_start_time_seconds", "grpc_server_handled_total"} {
			if all[name] == nil {
				t.Errorf("%s: %s is missing", format, name)
			}
		}
		for _, m := range ofEcho(all["grpc_server_handling_seconds"]) {
			if n := len(m.Histogram.Bucket); n < 14 || m.Histogram.GetSampleCount() != 1 {
				t.Errorf("%s: %d buckets, %d calls", format, n, m.Histogram.GetSampleCount())
			}
		}
	}
	for _, m := range ofEcho(binary["grpc_server_handling_seconds"]) {
		checkHistogram(t, m.Histogram)
		if m.Histogram.GetSchema() != 3 || len(m.Histogram.PositiveSpan) != 1 || len(m.Histogram.Exemplars) != 1 {
			t.Errorf("no native histogram with an exemplar: %v", m.Histogram)
		}
	}
	open := scrape(t, handler, openMetrics)
	if !strings.HasSuffix(open, "# EOF\n") || strings.Count(open, `# {trace_id="4bf92f35"}`) != 8 {
		t.Errorf("want an exemplar for each method and end:\n%s", open)
	}
}

// ofEcho returns the metrics of the echo service: servers have others, such as that of health.
func ofEcho(family *dto.MetricFamily) (found []*dto.Metric) {
	for _, m := range family.GetMetric() {
		for _, pair := range m.Label {
			if pair.GetName() == "grpc_service" && pair.GetValue() == echotest.Name {
				found = append(found, m)
			}
		}
	}
	return found
}

// TestCollisions registers metrics where others have registered theirs. Nothing panics.
func TestCollisions(t *testing.T) {
	theirs := func() prometheus.Collector {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grpc_server_started_total", Help: "Theirs.",
		}, []string{"grpc_type", "grpc_service", "grpc_method"})
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(theirs())
	err := grpcprom.New().Register(registry)
	if err == nil || !strings.Contains(err.Error(), "another library") || !strings.Contains(err.Error(), "grpc_server_started_total") {
		t.Errorf("the error is %v, want one that says what to do", err)
	}
	registry = prometheus.NewRegistry()
	first, second := grpcprom.New(), grpcprom.New()
	if err := first.Register(registry); err != nil {
		t.Error(err)
	}
	var taken prometheus.AlreadyRegisteredError
	if err := second.Register(registry); !errors.As(err, &taken) {
		t.Errorf("the error of a second registration is %v", err)
	}
}

// TestTwoServers has the metrics of two servers in one registry, and in one Metrics.
func TestTwoServers(t *testing.T) {
	registry := prometheus.NewRegistry()
	for _, name := range []string{"public", "internal"} {
		if err := called(t, grpcprom.WithConstLabels(map[string]string{"server": name})).Register(registry); err != nil {
			t.Fatal(err)
		}
	}
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"public", "internal"} {
		key := call("grpc_server_started_total", "unary", "One", `server="`+name+`"`)
		if n := valuesOf(all)[key]; n != 1 {
			t.Errorf("%s is %v, want 1", key, n)
		}
	}
	shared := grpcprom.New()
	impl := echotest.Behaving(func(context.Context) error { return nil })
	for range 2 {
		e := serve(t, shared, echotest.Table, impl)
		if err := e.call(echotest.Context(t), "One"); err != nil {
			t.Fatal(err)
		}
		e.stop()
	}
	if n := series(t, shared)[call("grpc_server_started_total", "unary", "One")]; n != 2 {
		t.Errorf("the servers share %v calls, want 2", n)
	}
}

// TestHandlerWithOthers serves metrics of other gatherers. Collisions leave the rest.
func TestHandlerWithOthers(t *testing.T) {
	theirs := prometheus.NewRegistry()
	mine := prometheus.NewCounter(prometheus.CounterOpts{Name: "books_total", Help: "Books."})
	taken := prometheus.NewGauge(prometheus.GaugeOpts{Name: "grpc_server_started_total", Help: "Theirs."})
	theirs.MustRegister(mine, taken, collectors.NewGoCollector())
	metrics, log := logged()
	handler := metrics.Handler(nil, theirs)
	metrics.Server().Bind(runtime.NewMethodInfo("a.B", "C", runtime.KindUnary, runtime.Policy{}))
	for range 3 {
		text := scrape(t, handler, "")
		parse(t, text, expfmt.NewFormat(expfmt.TypeTextPlain))
		for _, line := range []string{"books_total 0", `grpc_server_started_total{grpc_method="C",grpc_service="a.B",grpc_type="unary"} 0`} {
			if !strings.Contains(text, "\n"+line+"\n") {
				t.Errorf("%q is missing", line)
			}
		}
		if n := strings.Count(text, "\ngo_goroutines "); n != 1 {
			t.Errorf("go_goroutines is there %d times", n)
		}
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d records, want one:\n%s", n, log)
	}
}

// TestOptions has options that are wrong: an error of the registration and of each scrape.
func TestOptions(t *testing.T) {
	nothing := func(context.Context) string { return "" }
	many := make([]float64, 101)
	for i := range many {
		many[i] = float64(i + 1)
	}
	for name, test := range map[string]struct {
		opts []grpcprom.Option
		want string
	}{
		"bound of zero":   {[]grpcprom.Option{grpcprom.WithBuckets(0)}, "WithBuckets: 0 is no bound"},
		"descending":      {[]grpcprom.Option{grpcprom.WithBuckets(2, 1)}, "sort the bounds"},
		"101 bounds":      {[]grpcprom.Option{grpcprom.WithBuckets(many...)}, "at most 100"},
		"nil function":    {[]grpcprom.Option{grpcprom.WithLabels("a", nil, nil)}, "is nil"},
		"nil exemplars":   {[]grpcprom.Option{grpcprom.WithExemplars(nil)}, "is nil"},
		"nil logger":      {[]grpcprom.Option{grpcprom.WithLogger(nil)}, "is nil"},
		"name of a label": {[]grpcprom.Option{grpcprom.WithLabels("a-b", nil, nothing)}, "no name"},
		"reserved label":  {[]grpcprom.Option{grpcprom.WithLabels("grpc_code", nil, nothing)}, "reserved"},
		"label twice":     {[]grpcprom.Option{grpcprom.WithLabels("a", nil, nothing), grpcprom.WithLabels("a", nil, nothing)}, "twice"},
		"const label":     {[]grpcprom.Option{grpcprom.WithConstLabels(map[string]string{"le": "1"})}, "reserved"},
		"both":            {[]grpcprom.Option{grpcprom.WithConstLabels(map[string]string{"a": "1"}), grpcprom.WithLabels("a", nil, nothing)}, "too"},
		"combinations": {[]grpcprom.Option{grpcprom.WithLabels("a", make100(), nothing),
			grpcprom.WithLabels("b", make100(), nothing)}, "10201 combinations"},
	} {
		t.Run(name, func(t *testing.T) {
			metrics := grpcprom.New(test.opts...)
			if err := metrics.Register(prometheus.NewRegistry()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
			response := httptest.NewRecorder()
			metrics.Handler().ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/", nil))
			if response.Code != http.StatusInternalServerError || !strings.Contains(response.Body.String(), test.want) {
				t.Errorf("a scrape returns %d %q, want 500 and the error", response.Code, response.Body)
			}
			// Calls must not fail.
			o := metrics.Server().Bind(runtime.NewMethodInfo("a.B", "C", runtime.KindUnary, runtime.Policy{}))
			o.End(o.Begin(t.Context(), finished{}), finished{}, runtime.Outcome{})
		})
	}
	if err := grpcprom.New().Register(nil); err == nil {
		t.Error("nil is a registry")
	}
}

func make100() (values []string) {
	for i := range 100 {
		values = append(values, string(rune('A'+i)))
	}
	return values
}

// TestLabels counts calls by a label. Values that are not listed are one, and so are panics.
func TestLabels(t *testing.T) {
	type key struct{}
	metrics, log := logged(grpcprom.WithLabels("tier", []string{"free", "paid"}, func(ctx context.Context) string {
		return ctx.Value(key{}).(string)
	}), grpcprom.WithLabels("region", []string{"eu"}, func(context.Context) string { return "eu" }))
	o := metrics.Server().Bind(runtime.NewMethodInfo("test.v1.Echo", "One", runtime.KindUnary, runtime.Policy{}))
	for _, tier := range []any{"free", "paid", "paid", "\xff", "gold", 7} {
		ctx := context.WithValue(t.Context(), key{}, tier)
		o.End(o.Begin(ctx, finished{}), finished{}, runtime.Outcome{})
	}
	expected := map[string]float64{
		call("grpc_server_started_total", "unary", "One"):      6,
		call("grpc_server_msg_received_total", "unary", "One"): 6,
		call("grpc_server_msg_sent_total", "unary", "One"):     6,
	}
	for tier, n := range map[string]float64{"free": 1, "paid": 2, "other": 3} {
		labels := []string{`tier="` + tier + `"`, `region="eu"`}
		expected[call("grpc_server_handling_seconds", "unary", "One", labels...)] = n
		expected[call("grpc_server_handled_total", "unary", "One", append(labels, `grpc_code="OK"`)...)] = n
	}
	want(t, metrics, expected)
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d records, want one:\n%s", n, log)
	}
}

// TestExemplars holds that only exemplars that OpenMetrics allows are exposed.
func TestExemplars(t *testing.T) {
	for name, test := range map[string]struct {
		labels   func(context.Context) map[string]string
		exposed  int
		problems int
	}{
		"none":         {func(context.Context) map[string]string { return nil }, 0, 0},
		"trace":        {func(context.Context) map[string]string { return map[string]string{"trace_id": "a"} }, 1, 0},
		"128":          {func(context.Context) map[string]string { return map[string]string{"trace": strings.Repeat("é", 123)} }, 1, 0},
		"129":          {func(context.Context) map[string]string { return map[string]string{"trace": strings.Repeat("é", 124)} }, 0, 1},
		"invalid name": {func(context.Context) map[string]string { return map[string]string{"trace id": "a"} }, 0, 1},
		"invalid text": {func(context.Context) map[string]string { return map[string]string{"trace_id": "\xff"} }, 0, 1},
		"panic":        {func(context.Context) map[string]string { panic("oops") }, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			metrics, log := logged(grpcprom.WithExemplars(test.labels))
			o := metrics.Server().Bind(runtime.NewMethodInfo("a.B", "C", runtime.KindUnary, runtime.Policy{}))
			for range 3 {
				o.End(o.Begin(t.Context(), finished{}), finished{}, runtime.Outcome{})
			}
			text := scrape(t, metrics.Handler(), openMetrics)
			if n := strings.Count(text, "# {"); n != test.exposed {
				t.Errorf("%d exemplars, want %d", n, test.exposed)
			}
			if n := strings.Count(log.String(), "level=ERROR"); n != test.problems {
				t.Errorf("%d records, want %d: %s", n, test.problems, log)
			}
		})
	}
}

// TestWithoutHistograms and without either kind of buckets.
func TestWithoutHistograms(t *testing.T) {
	for name, test := range map[string]struct {
		opts            []grpcprom.Option
		classic, native bool
	}{
		"both":    {nil, true, true},
		"none":    {[]grpcprom.Option{grpcprom.WithoutHistograms()}, false, false},
		"native":  {[]grpcprom.Option{grpcprom.WithBuckets()}, false, true},
		"classic": {[]grpcprom.Option{grpcprom.WithoutNativeHistograms()}, true, false},
	} {
		metrics := grpcprom.New(test.opts...)
		o := metrics.Server().Bind(runtime.NewMethodInfo("a.B", "C", runtime.KindUnary, runtime.Policy{}))
		o.End(o.Begin(t.Context(), finished{}), finished{}, runtime.Outcome{})
		all := parse(t, scrape(t, metrics.Handler(), protobuf), expfmt.NewFormat(expfmt.TypeProtoDelim))
		var h *dto.Histogram
		if family := all["grpc_server_handling_seconds"]; family != nil {
			h = family.Metric[0].Histogram
		}
		if (len(h.GetBucket()) > 0) != test.classic || (h != nil && h.Schema != nil) != test.native {
			t.Errorf("%s: %v", name, h)
		}
	}
}

// TestZero holds that the series of a method exist from the start, with the codes of its policy.
func TestZero(t *testing.T) {
	metrics := grpcprom.New()
	metrics.Server().Bind(runtime.NewMethodInfo("test.v1.Echo", "One", runtime.KindUnary, runtime.Policy{
		Auth: &runtime.Auth{}, Rates: []runtime.Rate{{PerSecond: 1, Burst: 1}},
	}))
	got := series(t, metrics)
	for _, code := range []string{"OK", "Canceled", "DeadlineExceeded", "Internal", "Unavailable", "Unknown",
		"Unauthenticated", "PermissionDenied", "ResourceExhausted"} {
		key := call("grpc_server_handled_total", "unary", "One", `grpc_code="`+code+`"`)
		if n, ok := got[key]; !ok || n != 0 {
			t.Errorf("%s is %v, %v", key, n, ok)
		}
		delete(got, key)
	}
	for key := range maps.Keys(got) {
		if strings.Contains(key, "grpc_code") {
			t.Errorf("%s exists before its first call", key)
		}
	}
	if _, ok := got[call("grpc_server_handling_seconds", "unary", "One")]; !ok {
		t.Error("the histogram does not exist before its first call")
	}
}

// finished is a unary call that has received a request and sent a response.
type finished struct{ runtime.Call }

func (finished) Received() int64  { return 1 }
func (finished) Sent() int64      { return 1 }
func (finished) Start() time.Time { return time.Unix(1e9, 0) }

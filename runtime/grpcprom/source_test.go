package grpcprom_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// source reports what a function does.
type source struct {
	descs   []*metric.Desc
	collect func(metric.Report)
}

func (s *source) Metrics() []*metric.Desc      { return s.descs }
func (s *source) Collect(report metric.Report) { s.collect(report) }

// rooms is the description of a metric of tests.
func rooms() *metric.Desc {
	return &metric.Desc{Name: "grpcservice_rooms", Help: "Rooms.", Kind: metric.Gauge, Labels: []string{"name"}}
}

// logged returns metrics and what they log.
func logged(opts ...grpcprom.Option) (*grpcprom.Metrics, *bytes.Buffer) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	return grpcprom.New(append(opts, grpcprom.WithLogger(logger))...), &log
}

// TestSources adds up what several sources report, and counts a source once.
func TestSources(t *testing.T) {
	one := &source{descs: []*metric.Desc{rooms()}}
	one.collect = func(report metric.Report) {
		report(one.descs[0], 2, "chat")
		report(one.descs[0], 1, "bad \xff")
	}
	two := &source{descs: []*metric.Desc{rooms()}}
	two.collect = func(report metric.Report) { report(two.descs[0], 3, "chat") }
	metrics := grpcprom.New(grpcprom.WithSources(one))
	metrics.Add(metric.Sources{one, two}, nil, one)
	want(t, metrics, map[string]float64{
		`grpcservice_rooms{name="chat"}`: 5, `grpcservice_rooms{name="bad ` + "\uFFFD" + `"}`: 1,
	})
}

// TestServersAreSources scrapes a server with all that it reports.
func TestServersAreSources(t *testing.T) {
	metrics := grpcprom.New()
	srv := server.New(server.WithObservers(metrics.Server()))
	metrics.Add(srv.Sources())
	got := series(t, metrics)
	if _, ok := got["grpcservice_server_calls{}"]; !ok {
		t.Errorf("the server reports no calls: %v", got)
	}
}

// TestWrongSources holds that sources that do something wrong cost only their own figures, and are
// logged once.
func TestWrongSources(t *testing.T) {
	named := func(name string, labels ...string) *source {
		s := &source{descs: []*metric.Desc{{Name: name, Help: "Help.", Kind: metric.Gauge, Labels: labels}}}
		s.collect = func(report metric.Report) { report(s.descs[0], 1, labels...) }
		return s
	}
	panics := &source{descs: []*metric.Desc{rooms()}}
	panics.collect = func(report metric.Report) {
		report(panics.descs[0], 7, "lost")
		panic("oops")
	}
	for name, test := range map[string]struct {
		wrong metric.Source
		log   string
	}{
		"panics":               {panics, "source *grpcprom_test.source panicked: oops"},
		"nil":                  {(*source)(nil), "panicked"},
		"missing label":        {&source{collect: func(report metric.Report) { report(rooms(), 1) }}, "reports 0 labels"},
		"other labels":         {&source{collect: func(r metric.Report) { r(&metric.Desc{Name: "grpcservice_rooms"}, 1) }}, "differently"},
		"without description":  {&source{collect: func(report metric.Report) { report(nil, 1) }}, "without a description"},
		"no name":              {named(""), "no name"},
		"name with a space":    {named("my rooms"), "no name"},
		"name of a call":       {named("grpc_server_started_total"), "reserved"},
		"name of a bucket":     {named("grpc_server_handling_seconds_bucket"), "reserved"},
		"name of the runtime":  {named("go_goroutines"), "reserved"},
		"invalid label":        {named("rooms_x", "a-b"), "label"},
		"label of Prometheus":  {named("rooms_x", "__name__"), "label"},
		"label le":             {named("rooms_x", "le"), "label"},
		"repeated label":       {named("rooms_x", "a", "a"), "label"},
		"const label repeated": {named("rooms_x", "shard"), "label"},
	} {
		t.Run(name, func(t *testing.T) {
			metrics, log := logged(grpcprom.WithConstLabels(map[string]string{"shard": "1"}))
			right := &source{descs: []*metric.Desc{rooms()}}
			right.collect = func(report metric.Report) { report(right.descs[0], 1, "kept") }
			metrics.Add(right, test.wrong)
			for range 3 {
				want(t, metrics, map[string]float64{`grpcservice_rooms{name="kept",shard="1"}`: 1})
				scrape(t, metrics.Handler(), "")
			}
			if strings.Count(log.String(), "level=ERROR") != 1 || !strings.Contains(log.String(), test.log) {
				t.Errorf("logged %q, want one record with %q", log, test.log)
			}
		})
	}
}

// TestSourcesAddedLater adds a source after the registration.
func TestSourcesAddedLater(t *testing.T) {
	metrics := grpcprom.New()
	handler, registry := metrics.Handler(), prometheus.NewRegistry()
	if err := metrics.Register(registry); err != nil {
		t.Fatal(err)
	}
	late := &source{descs: []*metric.Desc{rooms()}}
	late.collect = func(report metric.Report) { report(late.descs[0], 1, "late") }
	metrics.Add(late)
	if text := scrape(t, handler, ""); !strings.Contains(text, `grpcservice_rooms{name="late"} 1`) {
		t.Errorf("the handler lacks the source:\n%s", text)
	}
	got, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if valuesOf(got)[`grpcservice_rooms{name="late"}`] != 1 {
		t.Error("the registry lacks the source")
	}
}

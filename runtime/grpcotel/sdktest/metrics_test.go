package sdktest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// TestConventions checks all names of a failed call under each value of the variable.
func TestConventions(t *testing.T) {
	const (
		old = "rpc.grpc.status_code=5 rpc.method=One rpc.service=test.v1.Echo rpc.system=grpc"
	)
	for optIn, want := range map[string]struct{ metrics, span []string }{
		"": {[]string{
			"rpc.client.call.duration 1 error.type=NOT_FOUND rpc.method=test.v1.Echo/One rpc.status_code=NOT_FOUND rpc.system.name=grpc",
			"rpc.server.call.duration 1 rpc.method=test.v1.Echo/One rpc.status_code=NOT_FOUND rpc.system.name=grpc",
		}, []string{"rpc.method=test.v1.Echo/One", "rpc.status_code=NOT_FOUND", "rpc.system.name=grpc"}},
		"rpc/old": {[]string{
			"rpc.client.duration 1 " + old, "rpc.server.duration 1 " + old,
		}, strings.Fields(old)},
		"rpc,rpc/dup": {[]string{
			"rpc.client.call.duration 1 error.type=NOT_FOUND rpc.method=test.v1.Echo/One rpc.response.status_code=NOT_FOUND rpc.status_code=NOT_FOUND rpc.system.name=grpc",
			"rpc.client.duration 1 " + old,
			"rpc.server.call.duration 1 rpc.method=test.v1.Echo/One rpc.response.status_code=NOT_FOUND rpc.status_code=NOT_FOUND rpc.system.name=grpc",
			"rpc.server.duration 1 " + old,
		}, []string{"rpc.grpc.status_code=5", "rpc.method=test.v1.Echo/One", "rpc.response.status_code=NOT_FOUND",
			"rpc.service=test.v1.Echo", "rpc.status_code=NOT_FOUND", "rpc.system.name=grpc", "rpc.system=grpc"}},
	} {
		t.Setenv("OTEL_SEMCONV_STABILITY_OPT_IN", optIn)
		r := newRig(t)
		c := r.serve(t, failing(rpcerr.Reason("a.example.com/NO").Errorf(codes.NotFound, "none")))
		_, err := c.One(echotest.Context(t), echotest.TenBytes)
		wantCode(t, err, codes.NotFound)
		_, ss := r.pair(t)
		attrs := slices.DeleteFunc(texts(ss.Attributes()), func(a string) bool { return !strings.HasPrefix(a, "rpc.") })
		if !slices.Equal(attrs, want.span) {
			t.Errorf("%q: the span has %q, want %q", optIn, attrs, want.span)
		}
		var got []string
		for _, p := range r.points(t) {
			fields := slices.DeleteFunc(strings.Fields(p), func(f string) bool { return strings.HasPrefix(f, "server.") })
			got = append(got, strings.Join(fields, " "))
		}
		if !slices.Equal(got, want.metrics) {
			t.Errorf("%q: the metrics are\n%s\nwant\n%s", optIn, strings.Join(got, "\n"), strings.Join(want.metrics, "\n"))
		}
	}
}

// source is a source of metrics that reports what a function does.
type source struct {
	descs   []*metric.Desc
	collect func(metric.Report)
}

func (s source) Metrics() []*metric.Desc      { return s.descs }
func (s source) Collect(report metric.Report) { s.collect(report) }

var (
	published = &metric.Desc{Name: "grpcservice_test_published_total", Help: "Messages.", Labels: []string{"name"}}
	members   = &metric.Desc{Name: "grpcservice_test_members", Help: "Members.", Kind: metric.Gauge}
)

func hub(n float64, name string) source {
	return source{[]*metric.Desc{published, members}, func(report metric.Report) {
		report(published, n, name)
		report(members, 1)
	}}
}

func TestSources(t *testing.T) {
	r := newRig(t, grpcotel.WithSources(hub(2, "a")))
	var wait sync.WaitGroup
	for range 8 { // concurrent registration
		wait.Go(func() {
			if err := r.Add(hub(1, "a")); err != nil {
				t.Error(err)
			}
		})
		wait.Go(func() { r.Server().Bind(echotest.Table.Method("One")) })
	}
	wait.Wait()
	if err := errors.Join(r.Add(), r.Add(hub(3, "b\xff"))); err != nil {
		t.Fatal(err)
	}
	for range 2 { // collections
		want := []string{
			"grpcservice_test_members 10",
			"grpcservice_test_published 10 name=a",
			"grpcservice_test_published 3 name=b\uFFFD",
		}
		if got := r.points(t); !slices.Equal(got, want) {
			t.Errorf("the metrics are %q, want %q", got, want)
		}
	}
}

func TestSourcesThatAreWrong(t *testing.T) {
	var reports []string
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { reports = append(reports, err.Error()) }))
	gauge := *published
	gauge.Kind = metric.Gauge
	r := newRig(t, grpcotel.WithSources(hub(2, "a")))
	for want, s := range map[string]metric.Source{
		"nil":                  nil,
		"in one source":        source{[]*metric.Desc{&gauge}, func(metric.Report) {}},
		"instrument name":      source{[]*metric.Desc{{Name: "no name"}}, func(metric.Report) {}},
		"invalid instrument n": source{[]*metric.Desc{{Name: ""}}, func(metric.Report) {}},
	} {
		if err := r.Add(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	if err := r.Add(source{nil, func(metric.Report) { panic("oops") }}); err != nil {
		t.Fatal(err)
	}
	want := []string{"grpcservice_test_members 1", "grpcservice_test_published 2 name=a"}
	for range 3 {
		if got := r.points(t); !slices.Equal(got, want) {
			t.Errorf("the metrics are %q, want %q", got, want)
		}
	}
	if len(reports) != 1 || !strings.Contains(reports[0], "oops") {
		t.Errorf("reported %q, want the panic once", reports)
	}
	grpcotel.New(grpcotel.WithSources(nil, nil))
	if len(reports) != 2 || !strings.Contains(fmt.Sprint(reports), "WithSources: a source of metrics is nil") {
		t.Errorf("reported %q", reports)
	}
}

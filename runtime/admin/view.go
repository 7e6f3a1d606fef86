package admin

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// page is what all pages show.
type page struct {
	Title   string
	Path    string // of the page itself, without refresh
	Style   template.CSS
	Refresh int // seconds; 0 for never
	Now     time.Time
	Program string
	Build   []fact
}

// fact is a name and a value.
type fact struct{ Name, Value string }

// overviewView is the page of all servers.
type overviewView struct {
	page
	Servers                       []serverView
	Metrics                       []metricView
	MetricsError                  string
	Connections                   []connection
	Channels                      []channel
	MoreConnections, MoreChannels bool
	failureList
	HasMetrics, HasProfiles bool
}

// serverView is a server.
type serverView struct {
	server.Status
	Facts    []fact
	Services []serviceView
}

// serviceView is a service of a server.
type serviceView struct {
	server.ServiceStatus
	Methods []methodView
}

// methodView is a method with its figures.
type methodView struct {
	server.MethodStatus
	Kind          string
	Rate          string // calls a second
	Errors        string // the share of failed calls
	Faulty        bool   // whether some are faults of the service
	Median        string
	P95, P99      string
	Total, Failed uint64
}

// methodPageView is the page of a method.
type methodPageView struct {
	page
	Methods  []methodView // of each server that has it
	Codes    []codeView
	Rejected []stepView
	failureList
}

type codeView struct {
	Code          codes.Code
	Recent, Total uint64
}

type stepView struct {
	Step  string
	Total uint64
}

// metricView is a series of a source.
type metricView struct {
	Name, Help string
	Labels     string
	Value      string
}

// frame returns what all pages show.
func (p *Page) frame(title, path string, refresh int) page {
	program, build := buildFacts()
	return page{Title: title, Path: path, Style: p.style, Refresh: refresh, Now: time.Now(), Program: program, Build: build}
}

// maxOnOverview is the maximum number of failed calls of each kind on the page of all servers.
const maxOnOverview = 10

// overview returns the page of all servers.
func (p *Page) overview(ctx context.Context, refresh int) overviewView {
	v := overviewView{page: p.frame("Servers", "/", refresh), HasMetrics: p.metrics != nil, HasProfiles: p.profiles}
	sources := slices.Clone(p.sources)
	for _, w := range p.all() {
		v.Servers = append(v.Servers, p.serverView(w.Status(), v.Now))
		sources = append(sources, sourcesOf(w)...)
	}
	v.Metrics, v.MetricsError = metricsOf(sources)
	v.Connections, v.MoreConnections = p.connections(ctx)
	v.Channels, v.MoreChannels = p.channels(ctx)
	v.failureList = p.failures.list("", maxOnOverview)
	return v
}

// sourcesOf returns what reports metrics of a server: itself, and the parts that it knows.
func sourcesOf(w Watched) metric.Sources {
	if s, ok := w.(interface{ Sources() metric.Sources }); ok {
		return s.Sources()
	}
	return metric.Sources{w}
}

// methodPage returns the page of a method; false if no server has it.
func (p *Page) methodPage(name string, refresh int) (v methodPageView, ok bool) {
	v.page = p.frame(strings.TrimPrefix(name, "/"), "/method?name="+url.QueryEscape(name), refresh)
	for _, w := range p.all() {
		for _, s := range w.Status().Services {
			for _, m := range s.Methods {
				if m.Info.FullMethod == name {
					v.Methods = append(v.Methods, p.methodView(m, v.Now))
				}
			}
		}
	}
	if m := p.figures.of(name); m != nil {
		r := m.recent(v.Now, p.since())
		v.Codes, v.Rejected = codesOf(r), stepsOf(r)
	}
	v.failureList = p.failures.list(name, maxFailures)
	return v, len(v.Methods) > 0
}

func (p *Page) serverView(s server.Status, now time.Time) serverView {
	v := serverView{Status: s, Facts: []fact{{"State", s.State.String()}}}
	add := func(name, value string) {
		if value != "" {
			v.Facts = append(v.Facts, fact{name, value})
		}
	}
	add("Address", strings.Join(s.Addrs, ", "))
	if !s.Started.IsZero() {
		add("Up", rounded(now.Sub(s.Started)))
	}
	add("Calls", of(s.Calls, s.MaxCalls))
	add("Connections", of(s.Connections, s.MaxConnections))
	add("Background", strings.Join(s.Background, ", "))
	if s.TLS.CertFile != "" {
		add("Certificate", fmt.Sprintf("%s, expires %s", s.TLS.CertFile, s.TLS.Expires.UTC().Format(time.DateTime+" MST")))
	}
	add("Certificate error", s.TLS.Error)
	add("Policy file", s.PolicyFile)
	add("Policy file error", s.PolicyFileError)
	for _, service := range s.Services {
		sv := serviceView{ServiceStatus: service}
		for _, m := range service.Methods {
			sv.Methods = append(sv.Methods, p.methodView(m, now))
		}
		v.Services = append(v.Services, sv)
	}
	return v
}

// methodView adds the figures of a method to its state.
func (p *Page) methodView(s server.MethodStatus, now time.Time) methodView {
	v := methodView{MethodStatus: s, Kind: kindOf(s.Info.Kind), Rate: "0", Errors: "–", Median: "–", P95: "–", P99: "–"}
	m := p.figures.of(s.Info.FullMethod)
	if m == nil {
		return v
	}
	r := m.recent(now, p.since())
	calls, failed := sum(r.codes[:]), sum(r.codes[1:])
	v.Total, v.Failed = sum(r.total[:]), sum(r.total[1:])
	if calls == 0 {
		return v
	}
	if r.period > 0 {
		v.Rate = fmt.Sprintf("%.3g", float64(calls)/r.period.Seconds())
	}
	v.Errors = fmt.Sprintf("%.3g%%", 100*float64(failed)/float64(calls))
	for code, n := range r.codes {
		v.Faulty = v.Faulty || n > 0 && isFault(codes.Code(code))
	}
	v.Median, v.P95, v.P99 = rounded(quantile(r.durations[:], 0.5)), rounded(quantile(r.durations[:], 0.95)), rounded(quantile(r.durations[:], 0.99))
	return v
}

// since returns when the page started to sample: now, if it does not.
func (p *Page) since() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.serving == nil {
		return time.Now()
	}
	return p.serving.since
}

// codesOf returns the codes that calls of a method ended with.
func codesOf(r recent) (all []codeView) {
	for i, total := range r.total {
		if total > 0 {
			all = append(all, codeView{codes.Code(i), r.codes[i], total})
		}
	}
	return all
}

// stepsOf returns the steps that rejected calls of a method, the most frequent first.
func stepsOf(r recent) (all []stepView) {
	for step, total := range r.rejected {
		all = append(all, stepView{step, total})
	}
	slices.SortFunc(all, func(a, b stepView) int { return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Step, b.Step)) })
	return all
}

// maxMetrics is the maximum number of series that the page lists.
const maxMetrics = 500

// metricsOf returns what sources report, without what the page shows for each method.
func metricsOf(sources []metric.Source) (all []metricView, problem string) {
	series, err := metric.Gather(sources...)
	for _, s := range series {
		if slices.Contains(s.Desc.Labels, metric.LabelMethod) || s.Desc.Kind == metric.Info {
			continue
		}
		if len(all) == maxMetrics {
			problem = fmt.Sprintf("There are more than %d series; /metrics has all of them.", maxMetrics)
			break
		}
		all = append(all, metricView{Name: s.Desc.Name, Help: s.Desc.Help, Labels: labelsOf(s), Value: valueOf(s)})
	}
	if err != nil {
		problem = err.Error()
	}
	return all, problem
}

func labelsOf(s metric.Series) string {
	var all []string
	for i, name := range s.Desc.Labels {
		if s.Labels[i] != "" {
			all = append(all, name+"="+s.Labels[i])
		}
	}
	return strings.Join(all, " ")
}

func valueOf(s metric.Series) string {
	if s.Desc.Kind == metric.Timestamp {
		return time.Unix(int64(s.Value), 0).UTC().Format(time.DateTime + " MST")
	}
	return fmt.Sprintf("%.10g", s.Value)
}

// of spells a number and its limit; 0 is none.
func of(n, limit int) string {
	if limit <= 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d of %d", n, limit)
}

func kindOf(k runtime.Kind) string {
	switch k {
	case runtime.KindServerStream:
		return "server stream"
	case runtime.KindClientStream:
		return "client stream"
	case runtime.KindBidi:
		return "bidi stream"
	default:
		return "unary"
	}
}

// rounded spells a duration with three digits.
func rounded(d time.Duration) string {
	for unit := time.Duration(1); ; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
		if unit >= time.Second {
			return d.Round(time.Second).String()
		}
	}
}

// ago spells how long a time is past; "never" for a zero time.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return rounded(max(0, now.Sub(t))) + " ago"
}

// buildFacts returns the name of the program and how it was built.
func buildFacts() (program string, facts []fact) {
	program = "this program"
	if len(os.Args) > 0 {
		program = os.Args[0][strings.LastIndexByte(os.Args[0], '/')+1:]
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return program, nil
	}
	facts = append(facts, fact{"Module", strings.TrimSpace(info.Main.Path + " " + info.Main.Version)}, fact{"Go", info.GoVersion})
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			facts = append(facts, fact{"Revision", s.Value})
		case "vcs.time":
			facts = append(facts, fact{"Revision of", s.Value})
		case "vcs.modified":
			if s.Value == "true" {
				facts = append(facts, fact{"Modified", "since the revision"})
			}
		}
	}
	for _, dep := range info.Deps {
		if dep.Path == "github.com/grpcservice/grpcservice" || dep.Path == "google.golang.org/grpc" || dep.Path == "google.golang.org/protobuf" {
			facts = append(facts, fact{dep.Path, dep.Version})
		}
	}
	return program, facts
}

package grpcprom

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Metrics are the metrics of the calls of servers and clients, and of sources. It implements
// [prometheus.Collector]. Several servers and clients may share it: calls of the same method are
// added up. Its methods may be called concurrently.
type Metrics struct {
	buckets     []float64
	native      bool
	histograms  bool
	exemplars   func(context.Context) map[string]string
	labels      []label
	constLabels prometheus.Labels
	log         *onceLog
	err         error // of the options

	created time.Time
	layout  *layout // nil without histograms
	descs   [2]callDescs
	others  otherDescs

	serves  atomic.Bool   // whether Server was called
	unknown atomic.Uint64 // calls of unknown methods

	mu      sync.Mutex
	methods map[methodKey]*method
	sources []*source
	known   map[string]*sourceDesc // of sources, by name
}

// side is an end of a call.
type side int

const (
	serverSide side = iota
	clientSide
)

// methodKey identifies the series of a method.
type methodKey struct {
	side          side
	kind          runtime.Kind
	service, name string
}

// New returns metrics without series. What is wrong with the options is an error of
// [Metrics.Register], of other registrations of m, and of each response of [Metrics.Handler].
func New(opts ...Option) *Metrics {
	m := &Metrics{
		buckets: metric.HandlingBuckets(), native: true, histograms: true,
		log: &onceLog{logger: slog.Default()}, created: time.Now(),
		methods: make(map[methodKey]*method), known: make(map[string]*sourceDesc),
	}
	for _, opt := range opts {
		opt(m)
	}
	m.check()
	if m.histograms && (m.native || len(m.buckets) > 0) {
		m.layout = newLayout(m.buckets, m.native)
	}
	m.describe()
	return m
}

// Register registers m, as [prometheus.Registerer] does, with an error that says what to do about
// it.
func (m *Metrics) Register(registry prometheus.Registerer) error {
	if registry == nil {
		return errors.New("grpcprom: the registry is nil")
	}
	err := registry.Register(m)
	if err == nil || m.err != nil {
		return err
	}
	return &collision{err}
}

// collision is an error of a registry.
type collision struct{ err error }

func (c *collision) Error() string {
	return "grpcprom: another library, such as go-grpc-middleware, or another Metrics has registered " +
		"one of these metrics; use another registry or grpcprom.WithConstLabels: " + c.err.Error()
}

// Unwrap returns the error of the registry.
func (c *collision) Unwrap() error { return c.err }

// Server returns the observer for server.WithObservers.
func (m *Metrics) Server() runtime.Observer {
	m.serves.Store(true)
	return observer{m, serverSide}
}

// Client returns the observer for client.WithObservers.
func (m *Metrics) Client() runtime.Observer { return observer{m, clientSide} }

// observer binds methods.
type observer struct {
	metrics *Metrics
	side    side
}

// Bind implements [runtime.Observer].
func (o observer) Bind(info runtime.MethodInfo) runtime.MethodObserver {
	if o.side == serverSide && info.FullMethod == server.UnknownMethod {
		return unknownMethod{o.metrics}
	}
	m := o.metrics.method(o.side, info)
	if o.side == clientSide {
		return clientMethod{m}
	}
	return m
}

// method returns the series of a method.
func (m *Metrics) method(side side, info runtime.MethodInfo) *method {
	key := methodKey{
		side, info.Kind,
		strings.ToValidUTF8(info.Service, "\uFFFD"), strings.ToValidUTF8(info.Name, "\uFFFD"),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	found, ok := m.methods[key]
	if !ok {
		found = newMethod(m, key)
		m.methods[key] = found
	}
	found.expect(likelyCodes(info))
	return found
}

// bound returns the methods that are bound, in the order of their names.
func (m *Metrics) bound() []*method {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]*method, 0, len(m.methods))
	for _, found := range m.methods {
		all = append(all, found)
	}
	slices.SortFunc(all, func(a, b *method) int {
		return cmp.Or(cmp.Compare(a.side, b.side), cmp.Compare(a.service, b.service),
			cmp.Compare(a.name, b.name), cmp.Compare(a.kind, b.kind))
	})
	return all
}

// unknownMethod counts calls of unknown methods.
type unknownMethod struct{ metrics *Metrics }

// Begin implements [runtime.MethodObserver].
func (u unknownMethod) Begin(ctx context.Context, _ runtime.Call) context.Context {
	u.metrics.unknown.Add(1)
	return ctx
}

// End implements [runtime.MethodObserver].
func (unknownMethod) End(context.Context, runtime.Call, runtime.Outcome) {}

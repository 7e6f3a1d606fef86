package admin

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"

	"google.golang.org/grpc/channelz/grpc_channelz_v1"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/network"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// DefaultAddr is the default address of a page. Only programs of the same machine reach it.
const DefaultAddr = "127.0.0.1:9090"

var (
	_ runtime.Observer = (*Page)(nil)
	_ server.Companion = (*Page)(nil)
)

// Page is the admin page of a process. It is an observer and a companion of servers; several
// servers may share it. Its methods may be called concurrently.
type Page struct {
	settings
	figures  figures
	failures failures
	style    template.CSS
	policy   string // the Content-Security-Policy
	channelz grpc_channelz_v1.ChannelzServer

	mu      sync.Mutex
	watched []Watched
	started int // servers that the page accompanies
	serving *serving
}

// Watched is what a page shows: a [server.Server], or what [server.On] returns.
type Watched interface {
	metric.Source
	Status() server.Status
}

// New returns a page. Mistakes in options are errors of [Page.Start], and so of
// [server.Server.Run].
func New(opts ...Option) *Page {
	p := &Page{settings: settings{addr: DefaultAddr, logger: slog.Default}}
	for _, opt := range opts {
		opt(&p.settings)
	}
	p.style, p.policy = stylesheet()
	p.channelz = openChannelz()
	return p
}

// Add shows another server. Servers that the page accompanies are added by themselves.
func (p *Page) Add(w Watched) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watched = append(p.watched, w)
}

// remove no longer shows a server.
func (p *Page) remove(w Watched) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.watched {
		if other == w {
			p.watched = append(p.watched[:i:i], p.watched[i+1:]...)
			return
		}
	}
}

// all returns the servers that the page shows.
func (p *Page) all() []Watched {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Watched(nil), p.watched...)
}

// Option configures a [Page].
type Option func(*settings)

// settings holds the options of a page.
type settings struct {
	addr     string
	metrics  http.Handler // nil without one
	profiles bool
	hosts    map[string]bool
	sources  []metric.Source
	logger   func() *slog.Logger
	errs     []error
}

func (s *settings) fail(format string, args ...any) {
	s.errs = append(s.errs, fmt.Errorf("admin: "+format, args...))
}

// misuse returns the errors of the options.
func (s *settings) misuse() error { return errors.Join(s.errs...) }

// WithAddr sets the address: a TCP address, such as ":9090", or a Unix socket, as those of
// [server.Server.Run]. The default, also for "", is [DefaultAddr]. Whoever reaches the address can
// read the page.
func WithAddr(addr string) Option {
	return func(s *settings) {
		if addr == "" {
			return
		}
		if _, _, err := network.Of(addr); err != nil {
			s.fail("WithAddr(%q): %w", addr, err)
		}
		s.addr = addr
	}
}

// WithMetrics serves handler at /metrics. Without it, /metrics does not exist.
func WithMetrics(handler http.Handler) Option {
	return func(s *settings) {
		if handler == nil {
			s.fail("WithMetrics(nil): pass a handler, or leave the option out")
		}
		s.metrics = handler
	}
}

// WithProfiles serves the profiles of net/http/pprof at /debug/pprof/. A profile costs CPU time,
// and shows code and command line.
func WithProfiles() Option { return func(s *settings) { s.profiles = true } }

// WithHosts admits requests for names, in addition to IP addresses and loopback names: the names by
// which a proxy or a scraper reaches the page, without a port.
func WithHosts(names ...string) Option {
	return func(s *settings) {
		if s.hosts == nil {
			s.hosts = make(map[string]bool)
		}
		for _, name := range names {
			if name == "" || strings.ContainsAny(name, "/: ") {
				s.fail("WithHosts(%q): pass the name of a host, without a scheme and a port", name)
			}
			s.hosts[strings.ToLower(strings.TrimSuffix(name, "."))] = true
		}
	}
}

// WithSources shows what sources report, such as hubs and operation managers, in addition to what
// the servers report.
func WithSources(sources ...metric.Source) Option {
	return func(s *settings) {
		for i, source := range sources {
			if source == nil {
				s.fail("WithSources: source %d is nil", i+1)
				return
			}
		}
		s.sources = append(s.sources, sources...)
	}
}

// WithLogger sets the logger. The default is [slog.Default].
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) {
		if logger == nil {
			s.fail("WithLogger(nil): pass a logger, or leave the option out")
			return
		}
		s.logger = func() *slog.Logger { return logger }
	}
}

// admits reports whether requests for a host are served. A web site that lets its own name stand
// for this machine has its name in the Host header.
func (s *settings) admits(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	address, _, _ := strings.Cut(name, "%") // without its zone
	return net.ParseIP(address) != nil || name == "localhost" || strings.HasSuffix(name, ".localhost") ||
		s.hosts[name]
}

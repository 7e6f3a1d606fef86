package endpointslice_test

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"

	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/endpointslice"
	"github.com/grpcservice/grpcservice/runtime/endpointslice/apiservertest"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// options returns the options for an API server of a test.
func options(s *apiservertest.Server, more ...endpointslice.Option) []endpointslice.Option {
	return append([]endpointslice.Option{
		endpointslice.WithAPIServer(s.URL()), endpointslice.WithTokenFile(s.TokenFile()),
		endpointslice.WithCAFile(s.CAFile()), endpointslice.WithNamespaceFile(s.NamespaceFile()),
	}, more...)
}

// recorder is the connection of a resolver. It records what the resolver reports.
type recorder struct {
	t *testing.T
	r resolver.Resolver

	mu      sync.Mutex
	states  [][]string // "address@zone", sorted, the addresses of a server joined with "+"
	errs    []string
	changed chan struct{}
}

func (r *recorder) UpdateState(state resolver.State) error {
	var servers []string
	for _, e := range state.Endpoints {
		if len(e.Addresses) == 0 {
			continue // says that there is none
		}
		var addresses []string
		for _, a := range e.Addresses {
			addresses = append(addresses, a.Addr)
		}
		server := strings.Join(addresses, "+")
		if zone := endpoint.Zone(e); zone != "" {
			server += "@" + zone
		}
		servers = append(servers, server)
	}
	slices.Sort(servers)
	r.note(func() { r.states = append(r.states, servers) })
	return nil
}

func (r *recorder) ReportError(err error) {
	r.note(func() { r.errs = append(r.errs, err.Error()) })
}

func (*recorder) NewAddress([]resolver.Address) {}

func (*recorder) ParseServiceConfig(string) *serviceconfig.ParseResult { return nil }

func (r *recorder) note(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}

// resolve resolves a target until the test ends. The test must leave no goroutine.
func resolve(t *testing.T, target string, opts ...endpointslice.Option) *recorder {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	rec := &recorder{t: t, changed: make(chan struct{})}
	rec.r, err = endpointslice.NewResolver(opts...).Build(
		resolver.Target{URL: *u}, rec, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rec.r.Close)
	return rec
}

// until waits until a condition on what has been reported is met.
func (r *recorder) until(what string, met func() bool) {
	r.t.Helper()
	timeout := time.After(patience)
	retry := time.NewTicker(time.Second) // what grpc does while connections fail
	defer retry.Stop()
	for {
		r.mu.Lock()
		ok, changed := met(), r.changed
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-retry.C:
			r.r.ResolveNow(resolver.ResolveNowOptions{})
		case <-timeout:
			r.mu.Lock()
			defer r.mu.Unlock()
			r.t.Fatalf("%s: never; states %q, errors %q", what, r.states, r.errs)
		}
	}
}

// want waits until the servers are those.
func (r *recorder) want(servers ...string) {
	r.t.Helper()
	slices.Sort(servers)
	r.until(strings.Join(servers, " "), func() bool {
		return len(r.states) > 0 && slices.Equal(r.states[len(r.states)-1], servers)
	})
}

// wantError waits for an error that has each of the texts.
func (r *recorder) wantError(texts ...string) {
	r.t.Helper()
	r.until("error "+strings.Join(texts, " "), func() bool {
		return slices.ContainsFunc(r.errs, func(err string) bool {
			return !slices.ContainsFunc(texts, func(text string) bool {
				return !strings.Contains(err, text)
			})
		})
	})
}

// wantKept fails if a state without servers has been reported since there were some.
func (r *recorder) wantKept() {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	known := false
	for _, state := range r.states {
		if known && len(state) == 0 {
			r.t.Errorf("the servers were lost: states %q", r.states)
		}
		known = known || len(state) > 0
	}
	if len(r.errs) > 0 {
		r.t.Errorf("errors were reported while servers were known: %q", r.errs)
	}
}

// books returns a slice of the service books in the namespace shop, with its port grpc.
func books(name string, addresses ...string) apiservertest.Slice {
	s := apiservertest.Slice{
		Namespace: "shop", Name: name, Service: "books",
		Ports: []apiservertest.Port{{Name: "grpc", Protocol: "TCP", Port: 9000}},
	}
	for _, address := range addresses {
		s.Endpoints = append(s.Endpoints, apiservertest.Endpoint{
			Addresses: []string{address}, Conditions: apiservertest.State(true, true, false),
		})
	}
	return s
}

const booksTarget = "endpointslice:///shop/books:grpc"

// start starts an API server, and checks that the test leaves no goroutine.
func start(t *testing.T) *apiservertest.Server {
	t.Helper()
	servicetest.NoLeaks(t)
	return apiservertest.Start(t)
}

package client_test

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/internal/fleet"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// source tells a client where servers are.
type source interface {
	// start starts a server at an address that the source can tell.
	start(t *testing.T, name string) *fleet.Server
	dial(t *testing.T, opts ...client.Option) *client.Conn
	// set replaces the addresses.
	set(t *testing.T, addrs ...string)
	// follows reports whether clients know new addresses soon.
	follows() bool
}

// anywhere is a source of servers with addresses of any kind.
type anywhere struct{}

func (anywhere) start(t *testing.T, name string) *fleet.Server { return fleet.Start(t, name) }
func (anywhere) follows() bool                                 { return true }

// zone is that of all servers and of the client.
const zone = "zone-a"

// registry is a source with a resolver of [client.NewResolver].
type registry struct {
	anywhere
	mu      sync.Mutex
	addrs   []string
	changed chan struct{}
}

func newRegistry(*testing.T) source { return &registry{changed: make(chan struct{})} }

func (r *registry) set(_ *testing.T, addrs ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addrs = addrs
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *registry) get() (addrs []string, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.addrs, r.changed
}

func (r *registry) watch(
	ctx context.Context, _ *url.URL, update func([]resolver.Endpoint),
) error {
	for {
		addrs, changed := r.get()
		var servers []resolver.Endpoint
		for _, addr := range addrs {
			servers = append(servers, endpoint.WithZone(endpoint.New(addr), zone))
		}
		update(servers)
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

func (r *registry) dial(t *testing.T, opts ...client.Option) *client.Conn {
	opts = append(opts, client.WithResolvers(client.NewResolver("registry", r.watch)))
	return dialFleet(t, "registry:///echo", opts...)
}

// file is a source that is a file, which is replaced at once.
type file struct {
	anywhere
	path string
}

func newFile(t *testing.T) source { return file{path: filepath.Join(t.TempDir(), "servers")} }

func (f file) set(t *testing.T, addrs ...string) {
	t.Helper()
	var text strings.Builder
	for _, addr := range addrs {
		fmt.Fprintf(&text, "%s zone=%s\n", addr, zone)
	}
	if err := os.WriteFile(f.path+".new", []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(f.path+".new", f.path); err != nil {
		t.Fatal(err)
	}
}

func (f file) dial(t *testing.T, opts ...client.Option) *client.Conn {
	return dialFleet(t, "file://"+f.path, opts...)
}

// static is a source whose first list is part of the target.
type static struct {
	anywhere
	addrs []string
}

func newStatic(*testing.T) source { return new(static) }

func (s *static) set(_ *testing.T, addrs ...string) { s.addrs = addrs }
func (*static) follows() bool                       { return false }

func (s *static) dial(t *testing.T, opts ...client.Option) *client.Conn {
	return dialFleet(t, "static:///"+strings.Join(s.addrs, ","), opts...)
}

// names is a source that is a DNS server. All servers have the same port.
type names struct {
	dns  *fleet.DNS
	port string
	last byte // of the addresses that servers have
}

func newNames(t *testing.T) source { return &names{dns: fleet.StartDNS(t)} }

func (n *names) start(t *testing.T, name string) *fleet.Server {
	n.last++
	s := fleet.StartAt(t, name, fmt.Sprintf("127.0.0.%d:%s", n.last, cmp.Or(n.port, "0")))
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	n.port = port
	return s
}

func (n *names) set(t *testing.T, addrs ...string) { n.dns.Set(t, addrs...) }
func (*names) follows() bool                       { return false } // a client asks every 30 s at most

func (n *names) dial(t *testing.T, opts ...client.Option) *client.Conn {
	return dialFleet(t, "dns://"+n.dns.Addr()+"/echo.example.com:"+n.port, opts...)
}

func dialFleet(t *testing.T, target string, opts ...client.Option) *client.Conn {
	t.Helper()
	conn, err := client.Dial(target, append(opts, client.WithInsecure())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// sources and balancers are the dimensions of the tests.
var (
	sources = map[string]func(*testing.T) source{
		"registry": newRegistry, "file": newFile, "static": newStatic, "DNS": newNames,
	}
	balancers = map[string][]client.Option{
		"round robin":   {},
		"least request": {client.WithBalancer(client.LeastRequest())},
		"pick first":    {client.WithBalancer(client.PickFirst())},
		"same zone":     {client.WithBalancer(client.SameZone(zone, client.RoundRobin()))},
		"connections":   {client.WithConnections(4)},
		"health checks": {client.WithHealthChecks()},
	}
)

// TestFleet changes the servers of a connection while 50 calls run.
func TestFleet(t *testing.T) {
	for _, test := range []struct{ source, balancer string }{
		{"registry", "round robin"}, {"file", "least request"}, {"registry", "pick first"},
		{"file", "same zone"}, {"registry", "connections"}, {"file", "health checks"},
		{"static", "least request"}, {"DNS", "round robin"},
	} {
		t.Run(test.source+", "+test.balancer, func(t *testing.T) {
			testFleet(t, sources[test.source](t), test.balancer)
		})
	}
}

// TestSoakFleet does so with all combinations, for the time in the variable SOAK.
func TestSoakFleet(t *testing.T) {
	text := os.Getenv("SOAK")
	if text == "" {
		return // TestFleet is its quick form
	}
	length, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal("SOAK:", err)
	}
	for end := time.Now().Add(length); time.Now().Before(end); {
		for source, newSource := range sources {
			for balancer := range balancers {
				t.Run(source+", "+balancer, func(t *testing.T) { testFleet(t, newSource(t), balancer) })
			}
		}
	}
}

// phase is a change of the servers and what may happen to calls meanwhile.
type phase struct {
	what string
	most int // failures
	do   func()
}

func testFleet(t *testing.T, from source, balancer string) {
	servicetest.NoLeaks(t)
	one, two, three := from.start(t, "one"), from.start(t, "two"), from.start(t, "three")
	if from.set(t, one.Addr, two.Addr); !from.follows() {
		from.set(t, one.Addr, two.Addr, three.Addr)
	}
	load := fleet.Call(t, from.dial(t, balancers[balancer]...), echotest.Table)
	answers := func(s *fleet.Server, most time.Duration) {
		t.Helper()
		if !load.Answers(s.Name, most) {
			t.Errorf("no response of %s", s.Name)
		}
	}
	answers(one, 20*time.Second)
	// whileGone makes calls with short deadlines while a server does not answer.
	whileGone := func(gone, back func()) {
		load.SetDeadline(time.Second)
		time.Sleep(100 * time.Millisecond)
		gone()
		time.Sleep(time.Second)
		load.SetDeadline(fleet.Patience)
		back()
		answers(two, 20*time.Second)
	}
	// knowing returns when calls no longer meet the end of connections.
	knowing := func(end func()) func() {
		return func() {
			end()
			load.Settle()
		}
	}
	const many = 1 << 30 // as many as are made meanwhile
	for _, p := range []phase{
		{"added", 0, func() {
			from.set(t, one.Addr, two.Addr, three.Addr)
			if balancer != "pick first" {
				answers(three, 20*time.Second)
			}
		}},
		{"drained while it is listed", 0, func() { one.Drain(t) }},
		{"removed", 0, func() { from.set(t, two.Addr, three.Addr) }},
		{"hung", many, func() { whileGone(func() { two.Suspend(t) }, func() { two.Resume(t) }) }},
		{"network gone", many, func() {
			whileGone(func() { two.Blackhole(true) }, func() { two.Blackhole(false) })
		}},
		{"reset", fleet.Concurrent, knowing(two.Reset)},
		{"killed", fleet.Concurrent, knowing(two.Kill)},
		{"left", 0, func() { answers(three, 20*time.Second) }},
	} {
		r := load.During(p.do)
		t.Logf("%s: %v", p.what, r)
		if r.Failures() > p.most {
			t.Errorf("%s: %d failures, want at most %d", p.what, r.Failures(), p.most)
		}
		if r.Late > 10*time.Second {
			t.Errorf("%s: a call returned %v after its deadline", p.what, r.Late)
		}
	}
}

// TestFleetGrows measures how long a new server waits for its first call. The fastest of several
// counts, as the machine may be busy.
func TestFleetGrows(t *testing.T) {
	for source, most := range map[string]time.Duration{"registry": time.Second, "file": 3 * time.Second} {
		from, first := sources[source](t), fleet.Start(t, "first")
		addrs := []string{first.Addr}
		from.set(t, addrs...)
		load := fleet.Call(t, from.dial(t), echotest.Table)
		if !load.Answers(first.Name, 20*time.Second) {
			t.Fatal("no response of the first server")
		}
		fastest := time.Hour
		for n := 1; n <= 3 || fastest > most && n <= 10; n++ {
			name := fmt.Sprint("added ", n)
			added := fleet.Start(t, name)
			addrs = append(addrs, added.Addr)
			start := time.Now()
			from.set(t, addrs...)
			if !load.Answers(name, 20*time.Second) {
				t.Fatalf("%s: no response of the %s server", source, name)
			}
			took := time.Since(start)
			t.Logf("%s: first response of the %s server after %v", source, name, took)
			fastest = min(fastest, took)
		}
		load.Stop()
		if fastest > most {
			t.Errorf("%s: new servers wait for %v, want at most %v", source, fastest, most)
		}
	}
}

// TestFleetRetries kills a server while calls run whose policy has retries.
func TestFleetRetries(t *testing.T) {
	policy := echotest.RetryQuickly
	policy.Retry.InitialBackoff, policy.Retry.MaxBackoff = 50*time.Millisecond, 200*time.Millisecond
	table := echotest.TableWith(policy)
	one, two := fleet.Start(t, "one"), fleet.Start(t, "two")
	from := newRegistry(t)
	from.set(t, one.Addr, two.Addr)
	load := fleet.Call(t, from.dial(t, client.WithServiceConfig(table)), table)
	for _, s := range []*fleet.Server{one, two} {
		if !load.Answers(s.Name, 20*time.Second) {
			t.Fatalf("no response of %s", s.Name)
		}
	}
	// Many calls fail at once, so the tokens for retries are soon used up: some fail.
	killed := load.During(func() {
		one.Kill()
		load.Settle()
	})
	if killed.Failures() > fleet.Concurrent {
		t.Error(killed)
	}
	if r := load.During(func() { time.Sleep(time.Second) }); r.Failures() != 0 {
		t.Errorf("calls fail while one server is left: %v", r)
	}
}

// TestFleetOfDNS drains a server while DNS fails: the client asks for the name, and keeps what it
// knows.
func TestFleetOfDNS(t *testing.T) {
	servicetest.NoLeaks(t)
	from := newNames(t).(*names)
	one, two := from.start(t, "one"), from.start(t, "two")
	from.set(t, one.Addr, two.Addr)
	load := fleet.Call(t, from.dial(t), echotest.Table)
	for _, s := range []*fleet.Server{one, two} {
		if !load.Answers(s.Name, 20*time.Second) {
			t.Fatalf("no response of %s", s.Name)
		}
	}
	r := load.During(func() {
		from.dns.Break(true)
		one.Drain(t)
		time.Sleep(200 * time.Millisecond)
	})
	if r.Failures() != 0 || r.Servers[two.Name] == 0 {
		t.Error(r)
	}
}

// TestFleetOfBrokenServers has servers that are reachable and useless beside one that works.
func TestFleetOfBrokenServers(t *testing.T) {
	servicetest.NoLeaks(t)
	good, failing := fleet.Start(t, "good"), fleet.Start(t, fleet.FailingName)
	silent := fleet.Start(t, "silent")
	silent.Blackhole(true) // accepts, and never answers
	from := newRegistry(t)
	from.set(t, silent.Addr, good.Addr)
	for name, opts := range balancers {
		load := fleet.Call(t, from.dial(t, opts...), echotest.Table)
		// pick_first waits a moment before it tries the next.
		if !load.Answers(good.Name, 30*time.Second) {
			t.Errorf("%s: no response of the server that works", name)
		}
		if r := load.During(func() { time.Sleep(100 * time.Millisecond) }); r.Failures() != 0 {
			t.Errorf("%s: a server that accepts and never answers makes calls fail: %v", name, r)
		}
		load.Stop()
	}
	// Only outlier detection (module xds) avoids a server whose health is good.
	from.set(t, failing.Addr, good.Addr)
	load := fleet.Call(t, from.dial(t, client.WithHealthChecks()), echotest.Table)
	if !load.Answers(good.Name, 20*time.Second) {
		t.Error("no response of the server that works")
	}
	r := load.During(func() { time.Sleep(200 * time.Millisecond) })
	if r.Failures() == 0 || r.Servers[good.Name] == 0 {
		t.Errorf("calls of a server that fails them: %v", r)
	}
}

// TestFleetThatIsEmpty removes all servers, so that calls fail with the reason, and adds them again.
func TestFleetThatIsEmpty(t *testing.T) {
	servicetest.NoLeaks(t)
	only := fleet.Start(t, "only")
	for name, opts := range balancers {
		from := newRegistry(t)
		from.set(t, only.Addr)
		conn := from.dial(t, opts...)
		stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
		ctx := client.WithCallOptions(echotest.Context(t), grpc.WaitForReady(true))
		if _, err := stub.One(ctx, echotest.TenBytes); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		from.set(t)
		var err error
		for status.Code(err) == codes.OK && ctx.Err() == nil {
			_, err = stub.One(echotest.Context(t), echotest.TenBytes)
		}
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "no servers") {
			t.Errorf("%s: got %v", name, err)
		}
		from.set(t, only.Addr)
		if _, err := stub.One(ctx, echotest.TenBytes); err != nil {
			t.Errorf("%s: a server is there again: %v", name, err)
		}
	}
}

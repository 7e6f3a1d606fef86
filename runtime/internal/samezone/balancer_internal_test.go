package samezone

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/resolver"
)

const (
	idle       = connectivity.Idle
	connecting = connectivity.Connecting
	ready      = connectivity.Ready
	failing    = connectivity.TransientFailure
)

// warnings has what grpc logs.
var warnings lockedBuffer

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

func TestMain(m *testing.M) {
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(new(lockedBuffer), &warnings, &warnings))
	balancer.Register(old{base.NewBalancerBuilder("old", firstPicker{}, base.Config{})})
	os.Exit(m.Run())
}

// old builds a policy as before endpoints and listeners: it reads addresses, its connections report
// to UpdateSubConnState, and it leaves them open when it is closed. It reports a picker only if its
// state changes, and a state when it is closed.
type old struct{ balancer.Builder }

func (o old) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	b := &oldBalancer{ClientConn: cc, listeners: make(map[balancer.SubConn]func(balancer.SubConnState))}
	b.Balancer = o.Builder.Build(b, opts)
	return b
}

type oldBalancer struct {
	balancer.Balancer
	balancer.ClientConn
	state     connectivity.State
	listeners map[balancer.SubConn]func(balancer.SubConnState)
}

func (o *oldBalancer) NewSubConn(
	addrs []resolver.Address, opts balancer.NewSubConnOptions,
) (balancer.SubConn, error) {
	//lint:ignore SA1019 deprecated are several addresses only
	sc, err := o.ClientConn.NewSubConn(addrs, balancer.NewSubConnOptions{})
	o.listeners[sc] = opts.StateListener
	return sc, err
}

func (o *oldBalancer) UpdateState(s balancer.State) {
	if s.ConnectivityState != o.state {
		o.state = s.ConnectivityState
		o.ClientConn.UpdateState(s)
	}
}

func (o *oldBalancer) Close() {
	o.Balancer.Close()
	o.ClientConn.UpdateState(balancer.State{ConnectivityState: connecting})
}

func (o *oldBalancer) UpdateSubConnState(sc balancer.SubConn, s balancer.SubConnState) {
	o.listeners[sc](s)
}

// firstPicker picks the ready connection with the first address.
type firstPicker struct{}

func (firstPicker) Build(info base.PickerBuildInfo) balancer.Picker {
	if len(info.ReadySCs) == 0 {
		return base.NewErrPicker(balancer.ErrNoSubConnAvailable)
	}
	conns := slices.SortedFunc(maps.Keys(info.ReadySCs), func(a, b balancer.SubConn) int {
		return strings.Compare(info.ReadySCs[a].Address.Addr, info.ReadySCs[b].Address.Addr)
	})
	return fixed{balancer.PickResult{SubConn: conns[0]}}
}

type fixed struct{ r balancer.PickResult }

func (p fixed) Pick(balancer.PickInfo) (balancer.PickResult, error) { return p.r, nil }

// TestSharesFollowServers checks where calls go with each child policy while servers of the zone
// fail and come back.
func TestSharesFollowServers(t *testing.T) {
	for _, child := range []string{"round_robin", "least_request_experimental", "old"} {
		t.Run(child, func(t *testing.T) {
			c := start(t, map[string][]string{"here": {"a", "b", "c"}, "there": {"x"}, "": {"y"}}, child)
			c.wantGroups(1, map[string]int{balancer.ErrNoSubConnAvailable.Error(): 1})
			c.set(connecting, "a", "b", "c", "x", "y")
			c.set(ready, "x")
			c.wantGroups(30, map[string]int{"other": 30})
			c.set(ready, "a", "y")
			c.wantGroups(30, map[string]int{"local": 14, "other": 16})
			c.set(ready, "b")
			c.wantGroups(30, map[string]int{"local": 28, "other": 2})
			c.set(ready, "c")
			c.wantGroups(30, map[string]int{"local": 30})

			c.set(idle, "a")
			c.wantGroups(30, map[string]int{"local": 28, "other": 2})
			c.set(connecting, "a")
			c.set(failing, "a")
			c.set(idle, "b", "c")
			c.wantGroups(30, map[string]int{"other": 30})
			c.set(idle, "x", "y")
			c.wantGroups(1, map[string]int{balancer.ErrNoSubConnAvailable.Error(): 1})
			c.set(connecting, "b", "c", "x", "y")
			c.set(failing, "b", "c", "x", "y")
			if state, _ := c.last(); state.ConnectivityState != failing {
				t.Errorf("got the state %v", state.ConnectivityState)
			}
			for err := range c.picks(1) {
				if !strings.Contains(err, "is away") {
					t.Errorf("got %q, want the error of a connection", err)
				}
			}
			c.set(idle, "a")
			c.set(connecting, "a")
			c.set(ready, "a")
			c.wantGroups(30, map[string]int{"local": 30})
		})
	}
}

// TestSharesOutlivePickers checks that shares are exact if each call sees a new picker.
func TestSharesOutlivePickers(t *testing.T) {
	c := start(t, map[string][]string{"here": {"a", "b", "c"}, "there": {"x"}}, "round_robin")
	c.set(ready, "a", "x")
	got := make(map[string]int)
	for range 30 {
		for addr, n := range c.picks(1) {
			got[addr] += n
		}
		_, before := c.last()
		c.b.ResolverError(errors.New("oh"))
		if _, after := c.last(); after == before {
			t.Fatal("there is no new picker")
		}
	}
	if want := map[string]int{"a": 14, "x": 16}; !maps.Equal(got, want) {
		t.Errorf("picks: got %v, want %v", got, want)
	}
}

// TestHealthCounts checks that a server that is not healthy is not ready, if the child watches.
func TestHealthCounts(t *testing.T) {
	for _, child := range []string{"round_robin", "least_request_experimental"} {
		t.Run(child, func(t *testing.T) {
			c := start(t, map[string][]string{"here": {"a", "b"}, "there": {"x"}}, child)
			c.set(ready, "a", "b", "x")
			c.wantGroups(10, map[string]int{"local": 10})
			c.setHealth(failing, "a")
			c.wantGroups(10, map[string]int{"local": 7, "other": 3})
			c.setHealth(failing, "b")
			c.wantGroups(10, map[string]int{"other": 10})
			c.setHealth(failing, "x")
			c.setHealth(ready, "b")
			c.wantGroups(10, map[string]int{"local": 10})
			c.setHealth(ready, "x", "a")
			c.wantGroups(10, map[string]int{"local": 10})
			c.set(idle, "a")
			c.wantGroups(10, map[string]int{"local": 7, "other": 3})
			c.setState(ready, "a") // its health is not known yet
			c.wantGroups(10, map[string]int{"local": 7, "other": 3})
			c.setHealth(ready, "a")
			c.wantGroups(10, map[string]int{"local": 10})
		})
	}
}

// TestPickFirstUsesOneServer checks that servers to which the child does not connect are not
// missing.
func TestPickFirstUsesOneServer(t *testing.T) {
	c := start(t, map[string][]string{"here": {"a", "b", "c"}, "there": {"x", "y"}}, "pick_first")
	c.set(connecting, "a", "x")
	c.set(ready, "x")
	c.want(2, map[string]int{"x": 2})
	c.set(failing, "a")
	c.set(connecting, "b")
	c.set(ready, "b")
	c.want(2, map[string]int{"b": 2})

	connects := c.conn("a").connects
	c.set(idle, "b")
	c.want(2, map[string]int{"x": 2})
	if a := c.conn("a"); a.connects != 1 || connects != 1 {
		t.Errorf("the new connection to the first server was told to connect %d times", a.connects)
	}
	connects = c.conn("x").connects
	c.set(idle, "x")
	if x := c.conn("x"); x.connects != connects+1 {
		t.Error("the other zone stays idle until it is needed")
	}
}

// TestAddressesOfAServerCountOnce checks that a server with two addresses is one server, which is
// ready if one of them is.
func TestAddressesOfAServerCountOnce(t *testing.T) {
	there := []string{"x"}
	c := start(t, map[string][]string{"here": {"a+b", "c"}, "there": there}, "old")
	c.set(ready, "a", "c", "x")
	c.set(connecting, "b")
	c.set(failing, "b")
	c.wantGroups(10, map[string]int{"local": 10})
	c.set(idle, "a")
	c.wantGroups(10, map[string]int{"local": 7, "other": 3})
	c.set(ready, "b")
	c.wantGroups(10, map[string]int{"local": 10})
	c.set(ready, "a")
	c.set(idle, "b")
	c.wantGroups(10, map[string]int{"local": 10})

	// The addresses turn out to be of two servers, and then of one.
	if err := c.update(map[string][]string{"here": {"a", "b", "c"}, "there": there}, "old"); err != nil {
		t.Fatal(err)
	}
	c.wantGroups(15, map[string]int{"local": 14, "other": 1})
	if err := c.update(map[string][]string{"here": {"a+c", "b"}, "there": there}, "old"); err != nil {
		t.Fatal(err)
	}
	c.wantGroups(10, map[string]int{"local": 7, "other": 3})
}

// TestServersChange checks that connections to servers that stay are kept, and that a server whose
// zone changes is connected again.
func TestServersChange(t *testing.T) {
	for _, child := range []string{"round_robin", "old"} {
		t.Run(child, func(t *testing.T) {
			c := start(t, map[string][]string{"here": {"a", "b"}, "there": {"x", "y"}}, child)
			c.set(ready, "a", "b", "x", "y")
			kept := []*sub{c.conn("a"), c.conn("x")}
			update := func(zones map[string][]string) {
				t.Helper()
				_, before := c.last()
				if err := c.update(zones, child); err != nil {
					t.Fatal(err)
				}
				if _, after := c.last(); after != before+1 {
					t.Errorf("an update of servers has %d states, want 1", after-before)
				}
			}
			update(map[string][]string{"here": {"a", "c", "y"}, "there": {"x", "z"}})
			if got := c.open(); !slices.Equal(got, []string{"a", "c", "x", "y", "z"}) {
				t.Errorf("got connections to %v", got)
			}
			if c.conn("a") != kept[0] || c.conn("x") != kept[1] {
				t.Error("a connection to a server that stays was replaced")
			}
			c.wantGroups(30, map[string]int{"local": 14, "other": 16})
			c.set(ready, "c", "y", "z")
			c.wantGroups(30, map[string]int{"local": 30})

			update(map[string][]string{"there": {"a", "c", "y", "x", "z"}})
			c.set(ready, "a", "c", "y")
			c.wantGroups(10, map[string]int{"other": 10})
			update(map[string][]string{"here": {"a", "c", "y", "x", "z"}})
			c.wantGroups(1, map[string]int{balancer.ErrNoSubConnAvailable.Error(): 1})
			c.set(ready, "a")
			c.wantGroups(10, map[string]int{"local": 10})
			if got := c.open(); !slices.Equal(got, []string{"a", "c", "x", "y", "z"}) {
				t.Errorf("got connections to %v", got)
			}
		})
	}
}

// TestNoServers checks that an empty list closes all connections and names the reason.
func TestNoServers(t *testing.T) {
	c := start(t, map[string][]string{"here": {"a"}, "there": {"x"}}, "old")
	c.set(ready, "a", "x")
	if err := c.update(nil, "old"); !errors.Is(err, balancer.ErrBadResolverState) {
		t.Errorf("got %v, want ErrBadResolverState", err)
	}
	if got := c.open(); len(got) != 0 {
		t.Errorf("connections to %v are open", got)
	}
	c.want(1, map[string]int{"the resolver returned no addresses": 1})
	c.b.ResolverError(errors.New("oh"))
	c.want(1, map[string]int{"name resolver error: oh": 1})
}

// TestResolverErrors checks that an error counts only while there are no servers.
func TestResolverErrors(t *testing.T) {
	c := newChannel(t)
	c.b.ResolverError(errors.New("oh"))
	c.want(1, map[string]int{"name resolver error: oh": 1})
	c.b.ExitIdle()
	zones := map[string][]string{"here": {"a"}, "there": {"x"}}
	if err := c.update(zones, "round_robin"); err != nil {
		t.Fatal(err)
	}
	c.set(ready, "a", "x")
	c.b.ResolverError(errors.New("oh"))
	c.want(2, map[string]int{"a": 2})
	bad := balancer.ClientConnState{}
	if err := c.b.UpdateClientConnState(bad); !errors.Is(err, balancer.ErrBadResolverState) {
		t.Errorf("got %v, want ErrBadResolverState", err)
	}
	c.want(2, map[string]int{"a": 2})
}

// TestClose checks that connections are closed and that grpc hears nothing afterwards.
func TestClose(t *testing.T) {
	for _, child := range []string{"round_robin", "least_request_experimental", "old", "pick_first"} {
		t.Run(child, func(t *testing.T) {
			c := start(t, map[string][]string{"here": {"a"}, "there": {"x"}}, child)
			c.set(ready, "a", "x")
			_, before := c.last()
			c.b.Close()
			if got := c.open(); len(got) != 0 {
				t.Errorf("connections to %v are open", got)
			}
			c.set(connectivity.Shutdown, "a", "x")
			c.setHealth(failing, "a")
			if _, after := c.last(); after != before {
				t.Error("the balancer reported a state after it was closed")
			}
		})
	}
}

// TestChildPolicyChanges checks that another child policy takes over.
func TestChildPolicyChanges(t *testing.T) {
	zones := map[string][]string{"here": {"a", "b"}, "there": {"x"}}
	c := start(t, zones, "round_robin")
	c.set(ready, "a", "b", "x")
	if err := c.update(zones, "old"); err != nil {
		t.Fatal(err)
	}
	c.want(1, map[string]int{balancer.ErrNoSubConnAvailable.Error(): 1})
	c.set(ready, "a", "b", "x")
	c.want(4, map[string]int{"a": 4})
}

// TestAZoneWithoutServersIsLogged checks that it is logged once each time that it becomes so.
func TestAZoneWithoutServersIsLogged(t *testing.T) {
	const text = `none of the 2 servers is in the zone "here"; calls go to other zones`
	before := warnings.count(text)
	away := map[string][]string{"there": {"x", "y"}}
	c := start(t, away, "round_robin")
	for _, zones := range []map[string][]string{away, nil, {"here": {"a"}, "there": {"x"}}, away, away} {
		_ = c.update(zones, "round_robin")
	}
	if got := warnings.count(text) - before; got != 2 {
		t.Errorf("the log has the warning %d times, want 2", got)
	}
}

//go:build !race

package connpool

import (
	"encoding/json"
	"fmt"
	"testing"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"

	"google.golang.org/grpc/balancer/leastrequest"
	"google.golang.org/grpc/balancer/roundrobin"

	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
)

// fakeCC is a ClientConn whose SubConns are READY at once.
type fakeCC struct {
	balancer.ClientConn
	todo  []func() // grpc's serializer
	state balancer.State
}

func (c *fakeCC) UpdateState(state balancer.State) { c.state = state }

func (c *fakeCC) NewSubConn(
	_ []resolver.Address, opts balancer.NewSubConnOptions,
) (balancer.SubConn, error) {
	return &fakeSubConn{cc: c, listener: opts.StateListener}, nil
}

func (c *fakeCC) run() {
	for len(c.todo) > 0 {
		next := c.todo[0]
		c.todo = c.todo[1:]
		next()
	}
}

type fakeSubConn struct {
	balancer.SubConn
	cc       *fakeCC
	listener func(balancer.SubConnState)
}

func (s *fakeSubConn) Connect() {
	for _, state := range []connectivity.State{connectivity.Connecting, connectivity.Ready} {
		s.cc.todo = append(s.cc.todo, func() { s.listener(balancer.SubConnState{ConnectivityState: state}) })
	}
}

func (s *fakeSubConn) RegisterHealthListener(listener func(balancer.SubConnState)) {
	if listener != nil {
		s.cc.todo = append(s.cc.todo, func() {
			listener(balancer.SubConnState{ConnectivityState: connectivity.Ready})
		})
	}
}

func (s *fakeSubConn) Shutdown() {}

// pickerOf returns the picker of a balancer with READY connections to servers.
func pickerOf(tb testing.TB, name, config string, servers int) balancer.Picker {
	tb.Helper()
	builder, cc := balancer.Get(name), new(fakeCC)
	b := builder.Build(cc, balancer.BuildOptions{})
	tb.Cleanup(b.Close)
	var parsed serviceconfig.LoadBalancingConfig
	var err error
	if parser, ok := builder.(balancer.ConfigParser); ok {
		if parsed, err = parser.ParseConfig(json.RawMessage(config)); err != nil {
			tb.Fatal(err)
		}
	}
	state := balancer.ClientConnState{BalancerConfig: parsed}
	for i := range servers {
		addr := resolver.Address{Addr: fmt.Sprint(i)}
		state.ResolverState.Endpoints = append(state.ResolverState.Endpoints,
			resolver.Endpoint{Addresses: []resolver.Address{addr}})
	}
	if err := b.UpdateClientConnState(state); err != nil {
		tb.Fatal(err)
	}
	cc.run()
	if cc.state.ConnectivityState != connectivity.Ready {
		tb.Fatalf("the balancer is %v", cc.state.ConnectivityState)
	}
	return cc.state.Picker
}

// pooledConfig has connections without room, so that each pick takes the usual path.
func pooledConfig(child string) string {
	return fmt.Sprintf(`{"connections": 4, "childPolicy": [{%q: {}}]}`, child)
}

func pickOnce(tb testing.TB, picker balancer.Picker) {
	pick, err := picker.Pick(balancer.PickInfo{})
	if err != nil {
		tb.Fatal(err)
	}
	if pick.Done != nil {
		pick.Done(balancer.DoneInfo{})
	}
}

// TestPickAllocatesWhatItsChildDoes allows one allocation where the child counts calls too.
func TestPickAllocatesWhatItsChildDoes(t *testing.T) {
	for name, more := range map[string]float64{roundrobin.Name: 0, leastrequest.Name: 1} {
		bare, pooled := pickerOf(t, name, "{}", 3), pickerOf(t, Name, pooledConfig(name), 3)
		want := alloctest.Least(func() { pickOnce(t, bare) }) + more
		if got := alloctest.Least(func() { pickOnce(t, pooled) }); got != want {
			t.Errorf("%s: %v allocations; want %v", name, got, want)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	for _, name := range []string{roundrobin.Name, leastrequest.Name} {
		for _, servers := range []int{3, 100} {
			pickers := map[string]balancer.Picker{
				"bare": pickerOf(b, name, "{}", servers), "pooled": pickerOf(b, Name, pooledConfig(name), servers),
			}
			for kind, picker := range pickers {
				b.Run(fmt.Sprintf("%s/%d/%s", name, servers, kind), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						pickOnce(b, picker)
					}
				})
			}
		}
	}
}

package samezone

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
)

func TestShares(t *testing.T) {
	for _, test := range []struct {
		readyLocal, allLocal, readyOther, allOther int
		want                                       shares
	}{
		{3, 3, 2, 2, shares{1, 0}},
		{5, 7, 1, 1, shares{1, 0}},
		{4, 7, 1, 1, shares{4, 1}},
		{2, 3, 2, 2, shares{14, 1}},
		{2, 4, 9, 9, shares{7, 3}},
		{1, 3, 1, 1, shares{7, 8}},
		{1, 1000, 1, 1, shares{7, 4993}},
		{0, 3, 2, 2, shares{0, 1}},
		{1, 3, 1, 3, shares{1, 1}},   // 7/15 each: together less than all
		{1, 10, 1, 20, shares{2, 1}}, // 14/100 and 7/100
		{1, 3, 0, 3, shares{1, 0}},
		{0, 3, 1, 3, shares{0, 1}},
		{0, 0, 1, 1, shares{1, 0}}, // connections that the group does not know
		{1, 3, 0, 0, shares{7, 8}},
		{0, 3, 0, 3, shares{0, 0}},
	} {
		got := divideCalls(test.readyLocal, test.allLocal, test.readyOther, test.allOther)
		if got != test.want {
			t.Errorf("%v: got %v", test, got)
		}
	}
}

// TestRotation checks that shares are exact after each period, and that calls are spread evenly:
// after each call, both sides are within one call of their share.
func TestRotation(t *testing.T) {
	for _, s := range []shares{{1, 1}, {14, 1}, {1, 14}, {7, 8}, {4, 1}, {7, 4993}, {5, 3}} {
		var local, other count
		var turn atomic.Uint64
		p := newPicker(&local, &other, s, &turn)
		of := int(s.local + s.other)
		for i := range 3 * of {
			if _, err := p.Pick(balancer.PickInfo{}); err != nil {
				t.Fatal(err)
			}
			if d := int(local)*of - (i+1)*int(s.local); d <= -of || d >= of {
				t.Fatalf("%v: %d of %d calls are local", s, local, i+1)
			}
		}
		if int(local) != 3*int(s.local) {
			t.Errorf("%v: %d calls are local, %d are not", s, local, other)
		}
	}
}

// count is a picker that counts.
type count int

func (c *count) Pick(balancer.PickInfo) (balancer.PickResult, error) {
	*c++
	return balancer.PickResult{}, nil
}

// TestPicksDuringUpdates picks while servers, zones, states and health change.
func TestPicksDuringUpdates(t *testing.T) {
	for _, child := range []string{"round_robin", "least_request_experimental", "pick_first"} {
		t.Run(child, func(t *testing.T) { pickDuringUpdates(t, child) })
	}
}

func pickDuringUpdates(t *testing.T, child string) {
	c := start(t, map[string][]string{"here": {"a"}}, child)
	stop := make(chan struct{})
	var picking sync.WaitGroup
	for range 2 {
		picking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				state, _ := c.last()
				r, err := state.Picker.Pick(balancer.PickInfo{})
				if err == nil && r.SubConn.(*sub).addr == "" {
					t.Error("a pick without a connection")
				}
				if r.Done != nil {
					r.Done(balancer.DoneInfo{})
				}
			}
		})
	}
	defer picking.Wait()
	defer close(stop)
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		zones := make(map[string][]string)
		for _, addr := range []string{"a", "b", "c", "d", "e", "f"} {
			if zone := []string{"here", "here", "there", "", "gone"}[random.IntN(5)]; zone != "gone" {
				zones[zone] = append(zones[zone], addr)
			}
		}
		_ = c.update(zones, child) // an error if there are no servers
		for range 20 {
			c.step(random)
		}
		if child != "pick_first" { // it does not connect to all
			c.checkShares(zones["here"], slices.Concat(zones["there"], zones[""]))
		}
	}
}

// step gives one of the open connections its next state, or another health.
func (c *channel) step(random *rand.Rand) {
	open := c.open()
	if len(open) == 0 {
		c.b.ResolverError(errors.New("no servers yet"))
		return
	}
	addr := open[random.IntN(len(open))]
	next := map[connectivity.State][]connectivity.State{
		idle:       {connecting},
		connecting: {ready, ready, failing},
		ready:      {idle, ready, ready, failing}, // the last three: health
		failing:    {idle},
	}[c.conn(addr).state]
	switch state := next[random.IntN(len(next))]; {
	case c.conn(addr).state == ready && state != idle:
		c.setHealth(state, addr)
	default:
		c.set(state, addr)
	}
}

// checkShares compares the shares with the states of connections. All servers have one.
func (c *channel) checkShares(local, other []string) {
	c.t.Helper()
	isReady := func(addrs []string) (n int) {
		for _, addr := range addrs {
			if s := c.conn(addr); s.state == ready && s.healthy == ready {
				n++
			}
		}
		return n
	}
	b := c.b.(*zoneBalancer)
	b.mu.Lock()
	defer b.mu.Unlock()
	var want shares
	if len(local) > 0 && len(other) > 0 {
		want = divideCalls(isReady(local), len(local), isReady(other), len(other))
	}
	if b.published != want {
		c.t.Fatalf("got the shares %v, want %v", b.published, want)
	}
}

package redislimit

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/redislimit/internal/redistest"
)

// methodOf returns the name of a method whose keys are on a server of the cluster.
func methodOf(t *testing.T, nodes []*redistest.Server, node int) string {
	for i := range 1000 {
		name := fmt.Sprint("M", i)
		if slotOf(nodes, fmt.Sprintf("ratelimit:{test.v1.S/%s}:m0", name))*len(nodes)/redistest.Slots == node {
			return name
		}
	}
	t.Fatal("no method has keys on the server")
	return ""
}

func slotOf(nodes []*redistest.Server, key string) int {
	return int(nodes[0].Do("CLUSTER", "KEYSLOT", key).(int64))
}

// TestClusterSlots checks that all keys of a call have the same slot, whatever their callers are,
// and that methods spread.
func TestClusterSlots(t *testing.T) {
	t.Parallel()
	_, nodes := redistest.StartCluster(t, 3)
	l, _ := newLimiter(t, nodes[0].Client())
	seen := make(map[int]bool)
	for i := range 20 {
		r := bind(l, fmt.Sprint("M", i), runtime.Rate{Key: runtime.ByPrincipal}, runtime.Rate{}, runtime.Rate{Key: runtime.ByPeer})
		want := -1
		for _, caller := range []string{"", "ada", "{x}", "\x00{y}"} {
			for _, key := range append(r.keys(caller, time.Now()), r.names.probe) {
				slot := slotOf(nodes, key)
				if want >= 0 && slot != want {
					t.Errorf("the key %q has slot %d, others of the method %d", key, slot, want)
				}
				want = slot
			}
		}
		seen[want] = true
	}
	if len(seen) < 15 {
		t.Errorf("20 methods have %d redistest.Slots", len(seen))
	}
}

// TestClusterNodeDies checks that only the methods whose server is away are limited by shares.
func TestClusterNodeDies(t *testing.T) {
	t.Parallel()
	noLeaks(t)
	client, nodes := redistest.StartCluster(t, 3)
	l, log := newLimiter(t, client, WithReplicas(1), WithTimeout(2*time.Second))
	rate := runtime.Rate{PerSecond: 1e6, Burst: 1e6}
	method := methodOf(t, nodes, 2)
	well, ill := bind(l, methodOf(t, nodes, 0), rate), bind(l, method, rate)
	redistest.Until(t, "both are in use", func() bool {
		take(t, well, "")
		take(t, ill, "")
		return l.Stats().Away == 0 && l.Stats().Shared >= 2
	})
	nodes[2].Kill()
	redistest.Until(t, "the method is limited by its share", func() bool {
		take(t, ill, "")
		return l.Stats().Away == 1 && len(log.lines(slog.LevelWarn)) > 0
	})
	if line := log.lines(slog.LevelWarn)[0]; !strings.Contains(line, "method=/test.v1.S/") {
		t.Errorf("logged %q, want the method", line)
	}
	before := l.Stats()
	allowed(t, well, "", 100)
	if after := l.Stats(); after.Shared != before.Shared+100 {
		t.Errorf("%d of 100 calls of another method are shared", after.Shared-before.Shared)
	}
	ill = bind(l, method, rate) // as a policy does that changes
	nodes[2].Restart()
	redistest.Until(t, "the method is shared again", func() bool { take(t, ill, ""); return l.Stats().Away == 0 })
}

// TestClusterSlotMoves moves the slot of a method to another server.
func TestClusterSlotMoves(t *testing.T) {
	t.Parallel()
	noLeaks(t)
	client, nodes := redistest.StartCluster(t, 2)
	l, _ := newLimiter(t, client, WithTimeout(generous))
	name := methodOf(t, nodes, 0)
	r := bind(l, name, runtime.Rate{PerSecond: slow, Burst: 6, Key: runtime.ByPrincipal}, runtime.Rate{PerSecond: slow, Burst: 50})
	if n := allowed(t, r, "ada", 4); n != 4 {
		t.Errorf("%d calls are allowed, want 4", n)
	}
	keys := r.keys("ada", time.Now())
	slot, from, to := slotOf(nodes, keys[0]), nodes[0].Do("CLUSTER", "MYID"), nodes[1].Do("CLUSTER", "MYID")
	nodes[1].Do("CLUSTER", "SETSLOT", slot, "IMPORTING", from)
	nodes[0].Do("CLUSTER", "SETSLOT", slot, "MIGRATING", to)
	for _, key := range keys {
		nodes[0].Do("MIGRATE", "127.0.0.1", nodes[1].Port, key, 0, 5000)
	}
	redistest.Until(t, "calls are allowed that the source redirects with ASK", func() bool { return take(t, r, "ada") })
	nodes[1].Do("CLUSTER", "SETSLOT", slot, "NODE", to)
	nodes[0].Do("CLUSTER", "SETSLOT", slot, "NODE", to)
	if n := allowed(t, r, "ada", 10); n != 1 {
		t.Errorf("%d more calls are allowed, want the last of the burst", n)
	}
	if stats := l.Stats(); stats.Local > 0 {
		t.Errorf("%+v", stats)
	}
}

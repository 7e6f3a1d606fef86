package redislimit

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime"
)

const slots = 16384

// startCluster starts a cluster of n servers that divide the slots among them, in order.
func startCluster(t testing.TB, n int) (*redis.ClusterClient, []*redisServer) {
	t.Helper()
	var nodes []*redisServer
	var addrs []string
	for range n {
		node := startRedis(t, "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(freePort(t)),
			"--cluster-require-full-coverage", "no", "--cluster-node-timeout", "1000")
		nodes, addrs = append(nodes, node), append(addrs, node.addr())
	}
	for i, node := range nodes {
		node.do("CLUSTER", "ADDSLOTSRANGE", i*slots/n, (i+1)*slots/n-1)
		node.do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
		if i > 0 {
			bus := nodes[0].do("CONFIG", "GET", "cluster-port").(map[any]any)["cluster-port"]
			node.do("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, bus)
		}
	}
	until(t, "the cluster agrees on its slots", func() bool {
		for _, node := range nodes {
			if known, _ := node.do("CLUSTER", "SLOTS").([]any); len(known) != n {
				return false
			}
			if !strings.Contains(node.do("CLUSTER", "INFO").(string), "cluster_state:ok") {
				return false
			}
		}
		return true
	})
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	t.Cleanup(func() { client.Close() })
	return client, nodes
}

// methodOf returns the name of a method whose keys are on a server of the cluster.
func methodOf(t *testing.T, nodes []*redisServer, node int) string {
	for i := range 1000 {
		name := fmt.Sprint("M", i)
		if slotOf(nodes, fmt.Sprintf("ratelimit:{test.v1.S/%s}:m0", name))*len(nodes)/slots == node {
			return name
		}
	}
	t.Fatal("no method has keys on the server")
	return ""
}

func slotOf(nodes []*redisServer, key string) int {
	return int(nodes[0].do("CLUSTER", "KEYSLOT", key).(int64))
}

// TestClusterSlots checks that all keys of a call have the same slot, whatever their callers are,
// and that methods spread.
func TestClusterSlots(t *testing.T) {
	t.Parallel()
	_, nodes := startCluster(t, 3)
	l, _ := newLimiter(t, nodes[0].client())
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
		t.Errorf("20 methods have %d slots", len(seen))
	}
}

// TestClusterNodeDies checks that only the methods whose server is away are limited by shares.
func TestClusterNodeDies(t *testing.T) {
	t.Parallel()
	noLeaks(t)
	client, nodes := startCluster(t, 3)
	l, log := newLimiter(t, client, WithReplicas(1), WithTimeout(200*time.Millisecond))
	rate := runtime.Rate{PerSecond: 1e6, Burst: 1e6}
	method := methodOf(t, nodes, 2)
	well, ill := bind(l, methodOf(t, nodes, 0), rate), bind(l, method, rate)
	until(t, "both are in use", func() bool {
		take(t, well, "")
		take(t, ill, "")
		return l.Stats().Away == 0 && l.Stats().Shared >= 2
	})
	nodes[2].kill()
	until(t, "the method is limited by its share", func() bool {
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
	nodes[2].restart()
	until(t, "the method is shared again", func() bool { take(t, ill, ""); return l.Stats().Away == 0 })
}

// TestClusterSlotMoves moves the slot of a method to another server.
func TestClusterSlotMoves(t *testing.T) {
	t.Parallel()
	noLeaks(t)
	client, nodes := startCluster(t, 2)
	l, _ := newLimiter(t, client, WithTimeout(generous))
	name := methodOf(t, nodes, 0)
	r := bind(l, name, runtime.Rate{PerSecond: slow, Burst: 6, Key: runtime.ByPrincipal}, runtime.Rate{PerSecond: slow, Burst: 50})
	if n := allowed(t, r, "ada", 4); n != 4 {
		t.Errorf("%d calls are allowed, want 4", n)
	}
	keys := r.keys("ada", time.Now())
	slot, from, to := slotOf(nodes, keys[0]), nodes[0].do("CLUSTER", "MYID"), nodes[1].do("CLUSTER", "MYID")
	nodes[1].do("CLUSTER", "SETSLOT", slot, "IMPORTING", from)
	nodes[0].do("CLUSTER", "SETSLOT", slot, "MIGRATING", to)
	for _, key := range keys {
		nodes[0].do("MIGRATE", "127.0.0.1", nodes[1].port, key, 0, 5000)
	}
	until(t, "calls are allowed that the source redirects with ASK", func() bool { return take(t, r, "ada") })
	nodes[1].do("CLUSTER", "SETSLOT", slot, "NODE", to)
	nodes[0].do("CLUSTER", "SETSLOT", slot, "NODE", to)
	if n := allowed(t, r, "ada", 10); n != 1 {
		t.Errorf("%d more calls are allowed, want the last of the burst", n)
	}
	if stats := l.Stats(); stats.Local > 0 {
		t.Errorf("%+v", stats)
	}
}

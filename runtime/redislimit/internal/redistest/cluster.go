package redistest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Slots is the number of slots of a cluster.
const Slots = 16384

// StartCluster starts a cluster of n servers that divide the slots among them, in order.
func StartCluster(t testing.TB, n int) (*redis.ClusterClient, []*Server) {
	t.Helper()
	var nodes []*Server
	var addrs []string
	for range n {
		node := Start(t, "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(freePort(t)),
			"--cluster-require-full-coverage", "no", "--cluster-node-timeout", "5000")
		nodes, addrs = append(nodes, node), append(addrs, node.Addr())
	}
	for i, node := range nodes {
		node.Do("CLUSTER", "ADDSLOTSRANGE", i*Slots/n, (i+1)*Slots/n-1)
		node.Do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
		if i > 0 {
			bus := nodes[0].Do("CONFIG", "GET", "cluster-port").(map[any]any)["cluster-port"]
			node.Do("CLUSTER", "MEET", "127.0.0.1", nodes[0].Port, bus)
		}
	}
	Until(t, "the cluster agrees on its slots", func() bool {
		for _, node := range nodes {
			if known, _ := node.Do("CLUSTER", "SLOTS").([]any); len(known) != n {
				return false
			}
			if !strings.Contains(node.Do("CLUSTER", "INFO").(string), "cluster_state:ok") {
				return false
			}
		}
		return true
	})
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	t.Cleanup(func() { client.Close() })
	return client, nodes
}

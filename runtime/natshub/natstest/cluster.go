package natstest

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// StartCluster starts n servers that replicate streams, and stops them at the end of the test. It
// waits until the cluster has a leader for JetStream.
func StartCluster(tb testing.TB, n int, opts ...Option) []*Server {
	tb.Helper()
	routes, err := freeAddresses(n)
	if err != nil {
		tb.Fatal(err)
	}
	servers := make([]*Server, n)
	failed := make(chan error, n)
	for i := range servers {
		servers[i] = &Server{
			dir:      filepath.Join(tb.TempDir(), fmt.Sprintf("nats-%d", i)),
			settings: settings{port: freePort()},
		}
		joining := WithServerOptions(func(o *server.Options) { join(o, routes, i) })
		for _, opt := range append([]Option{joining}, opts...) {
			opt(&servers[i].settings)
		}
		tb.Cleanup(servers[i].Stop)
		go func() { failed <- servers[i].Start() }()
	}
	for range servers {
		if err := <-failed; err != nil {
			tb.Fatal(err)
		}
	}
	if !hasLeader(servers) {
		tb.Fatalf("natstest: the cluster has no leader within %v", startTimeout)
	}
	return servers
}

// join makes the options those of server i of a cluster.
func join(o *server.Options, routes []*net.TCPAddr, i int) {
	o.ServerName = fmt.Sprintf("server-%d", i)
	o.Cluster = server.ClusterOpts{Name: "natstest", Host: "127.0.0.1", Port: routes[i].Port}
	for _, route := range routes {
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: route.String()})
	}
}

// freeAddresses returns addresses that nothing listens on.
func freeAddresses(n int) (addresses []*net.TCPAddr, err error) {
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("natstest: %w", err)
		}
		defer func() { _ = listener.Close() }()
		addresses = append(addresses, listener.Addr().(*net.TCPAddr))
	}
	return addresses, nil
}

// hasLeader waits until all servers are current members of the group that manages streams.
func hasLeader(servers []*Server) bool {
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		leaders, current := 0, 0
		for _, s := range servers {
			if s.running.JetStreamIsLeader() {
				leaders++
			}
			if s.running.JetStreamIsCurrent() {
				current++
			}
		}
		if leaders == 1 && current == len(servers) {
			return true
		}
		time.Sleep(10 * time.Millisecond) // the server has no event for it
	}
	return false
}

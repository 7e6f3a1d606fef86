package client

import (
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/resolver"
)

// lastServers are the servers that a connection used last. grpc closes the resolver of an idle
// connection and builds another one later, whose source may be lost.
type lastServers struct {
	mu      sync.Mutex
	servers []resolver.Endpoint
}

func (l *lastServers) get() []resolver.Endpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.servers
}

func (l *lastServers) set(servers []resolver.Endpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.servers = servers
}

// sameServer reports whether two servers are the same to grpc.
func sameServer(a, b resolver.Endpoint) bool {
	return slices.EqualFunc(a.Addresses, b.Addresses, resolver.Address.Equal) &&
		a.Attributes.Equal(b.Attributes)
}

// distinct returns copies of the servers without those that have no address or the addresses of
// another.
func distinct(servers []resolver.Endpoint) []resolver.Endpoint {
	seen := make(map[string]bool, len(servers))
	result := make([]resolver.Endpoint, 0, len(servers))
	for _, server := range servers {
		addresses := make([]string, len(server.Addresses))
		for i, a := range server.Addresses {
			addresses[i] = a.Addr
		}
		slices.Sort(addresses)
		key := strings.Join(addresses, "\n")
		if len(addresses) == 0 || seen[key] {
			continue
		}
		seen[key] = true
		server.Addresses = slices.Clone(server.Addresses)
		result = append(result, server)
	}
	return result
}

// withoutNames removes the names of servers.
func withoutNames(servers []resolver.Endpoint) {
	for _, server := range servers {
		for i := range server.Addresses {
			server.Addresses[i].ServerName = ""
		}
	}
}

// Package freeport finds TCP ports for servers of tests that stop and start again.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Get returns a port of 127.0.0.1 that nothing listens on. It is below those that systems give to
// connections and to listeners without a port, so that nothing gets it while the server is down.
func Get() int {
	for {
		port := 20_000 + rand.IntN(12_000)
		if lis, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			lis.Close()
			return port
		}
	}
}

package endpointslice_test

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/endpointslice"
)

// network forwards connections to an API server.
type network struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	lost  []*atomic.Bool // for each connection, whether it forwards nothing
}

func newNetwork(t *testing.T, target string) *network {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &network{listener: listener, target: target}
	n.running.Go(n.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		n.mu.Lock()
		for _, conn := range n.conns {
			_ = conn.Close()
		}
		n.mu.Unlock()
		n.running.Wait()
	})
	return n
}

func (n *network) accept() {
	for {
		client, err := n.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", n.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		lost := new(atomic.Bool)
		n.mu.Lock()
		n.conns, n.lost = append(n.conns, client, server), append(n.lost, lost)
		n.mu.Unlock()
		n.running.Go(func() { forward(client, server, lost) })
		n.running.Go(func() { forward(server, client, lost) })
	}
}

// forward copies bytes until an end closes, which it hides if the connection is lost.
func forward(to, from net.Conn, lost *atomic.Bool) {
	buffer := make([]byte, 4<<10)
	for {
		n, err := from.Read(buffer)
		if lost.Load() {
			if err != nil {
				return
			}
			continue
		}
		if err == nil {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

// lose makes all connections forward nothing more, as when a machine has lost its power.
func (n *network) lose() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, lost := range n.lost {
		lost.Store(true)
	}
}

// TestDeadConnection checks that a connection whose peer is gone is found by pings, long before the
// bound on silence, and replaced.
func TestDeadConnection(t *testing.T) {
	s := start(t)
	n := newNetwork(t, strings.TrimPrefix(s.URL(), "https://"))
	s.Put(books("books", "10.0.0.1"))
	rec := resolve(t, booksTarget, options(s,
		endpointslice.WithAPIServer("https://"+n.listener.Addr().String()),
		endpointslice.WithPings(time.Second))...)
	rec.want("10.0.0.1:9000")
	n.lose()
	s.Put(books("books", "10.0.0.2"))
	rec.want("10.0.0.2:9000")
	rec.wantKept()
}

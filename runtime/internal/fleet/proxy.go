package fleet

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy forwards connections to a server until it becomes a black hole.
type Proxy struct {
	lis    net.Listener
	target string
	done   sync.WaitGroup

	mu    sync.Mutex
	open  sync.Cond // while the network works
	hole  bool
	ended bool
	conns map[net.Conn]bool
}

func newProxy(t testing.TB, addr, target string) *Proxy {
	t.Helper()
	lis, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{lis: lis, target: target, conns: make(map[net.Conn]bool)}
	p.open.L = &p.mu
	p.done.Go(p.accept)
	t.Cleanup(p.end)
	return p
}

func (p *Proxy) addr() string { return p.lis.Addr().String() }

// Blackhole keeps all connections open, and accepts new ones, but forwards nothing, as when a
// machine has lost its power. With false, what waits is forwarded.
func (p *Proxy) Blackhole(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hole = on
	p.open.Broadcast()
}

// Reset cuts the connections that are open, in the middle of their calls.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		if conn, ok := conn.(*net.TCPConn); ok {
			_ = conn.SetLinger(0) // so that the client sees a reset
		}
		conn.Close()
	}
}

// end ends all goroutines of the proxy.
func (p *Proxy) end() {
	p.lis.Close()
	p.mu.Lock()
	p.ended = true
	p.open.Broadcast()
	p.mu.Unlock()
	p.Reset()
	p.done.Wait()
}

// keep remembers a connection, or closes it if the proxy has ended.
func (p *Proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		conn.Close()
		return false
	}
	p.conns[conn] = true
	return true
}

// drop closes a connection.
func (p *Proxy) drop(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
	conn.Close()
}

func (p *Proxy) accept() {
	for {
		conn, err := p.lis.Accept()
		if err != nil {
			return
		}
		if p.keep(conn) {
			p.done.Go(func() { p.forward(conn) })
		}
	}
}

// forward connects a client to the server. If the server does not accept, the client's connection
// is closed, as its own machine would do.
func (p *Proxy) forward(conn net.Conn) {
	defer p.drop(conn)
	if p.pass() != nil {
		return
	}
	to, err := net.Dial("tcp", p.target)
	if err != nil || !p.keep(to) {
		return
	}
	defer p.drop(to)
	p.done.Go(func() {
		defer p.drop(conn)
		p.copy(to, conn)
	})
	p.copy(conn, to)
}

var errEnded = errors.New("the proxy has ended")

// pass waits while the proxy is a black hole.
func (p *Proxy) pass() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.hole && !p.ended {
		p.open.Wait()
	}
	if p.ended {
		return errEnded
	}
	return nil
}

// copy forwards what from sends, until either end closes.
func (p *Proxy) copy(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if p.pass() != nil {
			return
		}
		if _, failed := to.Write(buf[:n]); failed != nil || err != nil {
			if err == io.EOF {
				to.Close()
			}
			return
		}
	}
}

package faults

import (
	"net"
	"sync"
)

// Proxy forwards connections of one client to a server. What it has received while it is a black
// hole arrives late, even if the client has given up meanwhile.
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

// NewProxy returns a proxy that forwards to the target, an address.
func NewProxy(target string) (*Proxy, error) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{lis: lis, target: target, conns: make(map[net.Conn]bool)}
	p.open.L = &p.mu
	p.done.Go(p.accept)
	return p, nil
}

// Port returns the port of the proxy on 127.0.0.1.
func (p *Proxy) Port() int { return p.lis.Addr().(*net.TCPAddr).Port }

// Blackhole keeps all connections open, and accepts new ones, but forwards nothing. With false,
// what has arrived meanwhile is forwarded.
func (p *Proxy) Blackhole(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hole = on
	p.open.Broadcast()
}

// Reset cuts all connections.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		if conn, ok := conn.(*net.TCPConn); ok {
			_ = conn.SetLinger(0) // so that both ends see a reset
		}
		conn.Close()
	}
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() {
	p.lis.Close()
	p.mu.Lock()
	p.ended = true
	p.open.Broadcast()
	p.mu.Unlock()
	p.Reset()
	p.done.Wait()
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

// pass waits while the proxy is a black hole. It returns false when the proxy has ended.
func (p *Proxy) pass() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.hole && !p.ended {
		p.open.Wait()
	}
	return !p.ended
}

// forward connects a client to the server.
func (p *Proxy) forward(conn net.Conn) {
	defer p.drop(conn)
	if !p.pass() {
		return
	}
	to, err := net.Dial("tcp", p.target)
	if err != nil || !p.keep(to) {
		return // the client's connection is closed, as the server's machine would do
	}
	defer p.drop(to)
	p.done.Go(func() {
		defer p.drop(conn)
		p.copy(conn, to)
	})
	p.copy(to, conn)
}

// copy forwards what from sends, until either end closes.
func (p *Proxy) copy(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if !p.pass() {
				return
			}
			if _, failed := to.Write(buf[:n]); failed != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

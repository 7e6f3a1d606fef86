package pgstore_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// breaker stands between a pool and the server.
type breaker struct {
	listener net.Listener
	server   string
	down     atomic.Bool // accepts no connection
	cutAfter atomic.Bool // the next response ends its connection instead of being passed on
	accepted int         // of connections; the second one is that for notifications, which is not cut

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	work  sync.WaitGroup
}

// newBreaker returns a breaker, and the URL of the shared server through it.
func newBreaker(tb testing.TB) (*breaker, string) {
	tb.Helper()
	to := url(tb)
	_, rest, _ := strings.Cut(to, "@")
	server, _, _ := strings.Cut(rest, "/")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(tb, err)
	p := &breaker{listener: l, server: server, conns: make(map[net.Conn]struct{})}
	p.work.Go(p.accept)
	tb.Cleanup(func() {
		l.Close()
		p.cut()
		p.work.Wait()
	})
	return p, strings.Replace(to, server, l.Addr().String(), 1)
}

func (p *breaker) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.accepted++
		hints := p.accepted == 2
		p.work.Go(func() { p.serve(conn, hints) })
	}
}

func (p *breaker) serve(client net.Conn, hints bool) {
	defer client.Close()
	if p.down.Load() {
		return
	}
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.conns[client] = struct{}{}
	p.mu.Unlock()
	p.work.Go(func() {
		io.Copy(server, client)
		server.Close()
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil || n > 0 && !hints && p.cutAfter.CompareAndSwap(true, false) {
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// cut ends all connections.
func (p *breaker) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.Close()
	}
	clear(p.conns)
}

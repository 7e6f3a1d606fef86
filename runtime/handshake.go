package runtime

import (
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/grpcservice/grpcservice/runtime/internal/h2conn"
)

// handshakes are the connections of a server that have not finished their handshake. Grpc's graceful stop waits for them, each for
// up to [ConnectionTimeout], although they can have no calls: a port scanner, or a load balancer that only opens a connection.
type handshakes struct {
	mu     sync.Mutex
	closed bool
	open   map[*handshakeConn]struct{}
}

// listen returns lis whose connections are counted until their handshake is done.
func (h *handshakes) listen(lis net.Listener) net.Listener { return &handshakeListener{lis, h} }

// close closes the connections, and those that are still to come.
func (h *handshakes) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for conn := range h.open {
		_ = conn.Conn.Close()
	}
	h.open = nil
}

// add counts a connection, or closes it.
func (h *handshakes) add(conn *handshakeConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = conn.Conn.Close()
		return
	}
	if h.open == nil {
		h.open = make(map[*handshakeConn]struct{})
	}
	h.open[conn] = struct{}{}
}

func (h *handshakes) remove(conn *handshakeConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.open, conn)
}

type handshakeListener struct {
	net.Listener
	handshakes *handshakes
}

func (l *handshakeListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if _, local := conn.(*net.UnixConn); local {
		return conn, nil // credentials of peers may ask it for more than a net.Conn has
	}
	counted := &handshakeConn{Conn: h2conn.New(conn, ConnectionTimeout), handshakes: l.handshakes}
	l.handshakes.add(counted)
	return counted, nil
}

// handshakeConn is a connection that grpc gives a deadline for its handshake, and frees of it afterwards.
type handshakeConn struct {
	*h2conn.Conn
	handshakes *handshakes
}

// SetDeadline implements net.Conn.
func (c *handshakeConn) SetDeadline(t time.Time) error {
	if t.IsZero() {
		c.handshakes.remove(c)
	}
	return c.Conn.SetDeadline(t)
}

// Close implements net.Conn.
func (c *handshakeConn) Close() error {
	c.handshakes.remove(c)
	return c.Conn.Close()
}

// timedCredentials bound the time for headers within the connections of TLS.
type timedCredentials struct {
	credentials.TransportCredentials
}

func (t timedCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := t.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	return h2conn.New(conn, ConnectionTimeout), info, nil
}

func (t timedCredentials) Clone() credentials.TransportCredentials {
	return timedCredentials{t.TransportCredentials.Clone()}
}

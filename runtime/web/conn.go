package web

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// conn is what calls of one connection share.
type conn struct {
	raw     server.HostConn
	renewAt time.Time // when clients should connect again; zero for never
	once    sync.Once
	of      *peer.Peer
	current atomic.Pointer[call] // of HTTP/1.1, which has one at a time
}

// connIn returns the connection of a request; nil on an HTTP server of the user.
func connIn(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

// newConn returns the context of a connection.
func newConn(ctx context.Context, raw net.Conn, age time.Duration) context.Context {
	c := &conn{raw: server.HostConnOf(raw)}
	if age > 0 {
		c.renewAt = time.Now().Add(age + time.Duration((rand.Float64()-0.5)/5*float64(age)))
	}
	return &ofConn{ctx, c}
}

// arrived asks the client of an old connection to connect again, after the response.
func (c *conn) arrived(w http.ResponseWriter) {
	if c != nil && !c.renewAt.IsZero() && time.Now().After(c.renewAt) {
		w.Header().Set("Connection", "close") // HTTP/2: GOAWAY
	}
}

// peer returns the peer of a request.
func (c *conn) peer(r *http.Request) *peer.Peer {
	if c == nil || c.raw == nil {
		return foreignPeer(r)
	}
	c.once.Do(func() {
		c.of = &peer.Peer{Addr: c.raw.RemoteAddr(), LocalAddr: c.raw.LocalAddr()}
		if r.TLS != nil {
			info := authInfo(r.TLS)
			c.of.AuthInfo = info
			c.raw.Secured(info)
		}
	})
	return c.of
}

// authInfo is the security of a connection as grpc describes it.
func authInfo(state *tls.ConnectionState) credentials.TLSInfo {
	return credentials.TLSInfo{
		State:          *state,
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
	}
}

// foreignPeer returns the peer of a request on an HTTP server of the user.
func foreignPeer(r *http.Request) *peer.Peer {
	p := new(peer.Peer)
	p.LocalAddr, _ = r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if _, local := p.LocalAddr.(*net.UnixAddr); local {
		p.Addr = p.LocalAddr
	} else if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		p.Addr = net.TCPAddrFromAddrPort(addr)
	}
	if r.TLS != nil {
		p.AuthInfo = authInfo(r.TLS)
	}
	return p
}

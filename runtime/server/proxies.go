package server

import (
	"net"
	"net/netip"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/internal/incoming"
	"github.com/grpcservice/grpcservice/runtime/internal/network"
	"github.com/grpcservice/grpcservice/runtime/internal/proxies"
)

// WithTrustedProxies names the proxies whose header X-Forwarded-For states where a call comes from.
// The call then counts for that address in rates with KEY_PEER and in [WithMaxCallsPerPeer], is
// logged with it, and has it as [runtime.Call.Peer].
//
//	server.WithTrustedProxies(netip.MustParsePrefix("10.0.3.0/24"))
//
// The address is the last one in the header that is not itself one of the proxies, because a caller
// can write anything before what the proxies append. The header of any other peer is ignored, and
// so is a proxy that appends no address: its calls count for the proxy. The header Forwarded (RFC
// 7239) is not read, because proxies that append to one of the two pass the other on as it is.
//
// Name only proxies that append to the header: behind one that passes it on, callers choose their
// addresses. A caller with an address of the proxies is a proxy: name no network with other
// callers. A prefix of all addresses is an error. Connections of Unix sockets are those of no
// proxy. A second WithTrustedProxies replaces the first.
func WithTrustedProxies(prefixes ...netip.Prefix) Option {
	return proxyOption("WithTrustedProxies", prefixes, func(c *settings) *proxies.Set { return &c.forwarding })
}

// WithProxyProtocol names the proxies whose connections start with a header of the PROXY protocol,
// version 1 or 2, which states where the connection comes from. The connection then counts for that
// address in everything that counts by peer, is logged with it, and has it as the peer of its
// context and as [runtime.Call.Peer].
//
//	server.WithProxyProtocol(netip.MustParsePrefix("10.0.2.0/28"))
//
// A connection from these proxies without a valid header is closed, as the protocol requires; one
// that a proxy makes for itself, such as a health check (LOCAL, UNKNOWN), counts for the proxy. A
// connection from elsewhere with a header is closed, because it is neither HTTP/2 nor TLS. The
// header precedes the handshake of TLS and shares its time, [ConnectionTimeout].
//
// On a server of [On] it requires [GRPCOptions]. Credentials passed with [WithGRPCOptions] do not
// read the header: use [WithTLSFiles], [WithTLS] or [WithCredentials]. A second WithProxyProtocol
// replaces the first.
func WithProxyProtocol(prefixes ...netip.Prefix) Option {
	return proxyOption("WithProxyProtocol", prefixes, func(c *settings) *proxies.Set { return &c.framing })
}

// proxyOption returns an option that sets a set of proxies.
func proxyOption(name string, prefixes []netip.Prefix, of func(*settings) *proxies.Set) Option {
	set, err := proxies.NewSet(prefixes)
	return func(c *settings) {
		if err != nil {
			c.fail("%s: %w", name, err)
			return
		}
		*of(c) = set
	}
}

// clientAddr returns the address that a proxy has stated for a call, or nil. peer is the address of
// the connection, and header returns the values of a header.
func (c *settings) clientAddr(peer net.Addr, header func(string) []string) net.Addr {
	if len(c.forwarding) == 0 {
		return nil
	}
	ip := network.IP(peer)
	if !c.forwarding.Contains(ip) {
		return nil
	}
	client := c.forwarding.Client(ip, header(proxies.ForwardedFor))
	if !client.IsValid() {
		return nil
	}
	return ipAddr(client)
}

// ipAddr returns an address as net.Addr, in one allocation.
func ipAddr(ip netip.Addr) net.Addr {
	a := new(struct {
		net.IPAddr
		bytes [16]byte
	})
	if ip.Is4() {
		short := ip.As4()
		a.IP = append(a.bytes[:0], short[:]...)
	} else {
		a.bytes = ip.As16()
		a.IP = a.bytes[:]
	}
	return &a.IPAddr
}

// valuesIn returns the values of headers in md, as a transport has them.
func valuesIn(md metadata.MD) func(string) []string {
	return func(name string) []string { return md[name] }
}

// client returns the address that a proxy has stated for the call, or nil.
func (c *callContext) client() net.Addr {
	if c.arrival != nil {
		return c.arrival.Client
	}
	return c.own.Client
}

// noteClient records what a proxy has stated for a call, if the transport has not.
func (c *callContext) noteClient() {
	if s := c.call.method.settings; c.arrival == nil && len(s.forwarding) > 0 {
		c.own.Client = s.clientAddr(peerAddr(c.Context), incoming.Of(c.Context).Values)
	}
}

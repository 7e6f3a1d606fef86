package server

import (
	"context"
	"net"
	"net/netip"

	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime"
)

// runningCall is a call and its context, for code that does not need the rest of [callContext].
type runningCall interface {
	context.Context
	runtime.Call
}

// peerAddr returns the address of the connection of a call, or nil if it is unknown.
func peerAddr(ctx context.Context) net.Addr {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr
	}
	return nil
}

// textOf returns an address for the log; "" if it is unknown.
func textOf(addr net.Addr) string {
	switch a := addr.(type) {
	case nil:
		return ""
	case *net.TCPAddr:
		var buf [64]byte
		at := a.AddrPort() // a listener of IPv6 maps the addresses of IPv4
		return string(netip.AddrPortFrom(at.Addr().Unmap(), at.Port()).AppendTo(buf[:0]))
	default:
		return addr.String()
	}
}

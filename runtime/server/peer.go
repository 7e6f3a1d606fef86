package server

import (
	"context"
	"net"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
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

// clientOf returns the address that a proxy has stated for a call, or nil.
func (c *settings) clientOf(ctx context.Context, arrival *bounds.Arrival) net.Addr {
	if len(c.forwarding) == 0 {
		return nil
	}
	if arrival != nil {
		return arrival.Client
	}
	return c.clientAddr(peerAddr(ctx), func(name string) []string {
		return metadata.ValueFromIncomingContext(ctx, name)
	})
}

// textOf returns an address for the log; "" if it is unknown.
func textOf(addr net.Addr) string {
	switch a := addr.(type) {
	case nil:
		return ""
	case *net.TCPAddr:
		var buf [64]byte
		return string(a.AddrPort().AppendTo(buf[:0]))
	default:
		return addr.String()
	}
}

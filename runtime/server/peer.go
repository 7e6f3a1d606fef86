package server

import (
	"context"
	"net"

	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
)

// peerAddr returns the address that a call comes from; nil where it is not known.
func peerAddr(ctx context.Context) net.Addr {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr
	}
	return nil
}

// peerKey returns the peer that a call comes from.
func peerKey(ctx context.Context) string { return bounds.PeerOf(peerAddr(ctx)).String() }

// peerOf returns the address that a call comes from, for the log.
func peerOf(ctx context.Context) string {
	addr := peerAddr(ctx)
	if addr == nil {
		return ""
	}
	if tcp, ok := addr.(*net.TCPAddr); ok {
		var buf [64]byte
		return string(tcp.AddrPort().AppendTo(buf[:0]))
	}
	return addr.String()
}

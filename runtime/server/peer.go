package server

import (
	"context"
	"net"

	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
)

// runningCall is a call and its context, for code that does not need the rest of [callContext].
type runningCall interface {
	context.Context
	runtime.Call
}

// peerAddr returns the address that a call comes from, or nil if it is unknown.
func peerAddr(ctx context.Context) net.Addr {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr
	}
	return nil
}

// peerKey returns the peer that a call counts for.
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

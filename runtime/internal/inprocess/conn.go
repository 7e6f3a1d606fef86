// Package inprocess carries calls to the methods of a server in the same process.
//
// Messages are encoded and decoded, so that client and server share none, and what cannot be
// encoded fails as it does on a network. Nothing but deadline and cancellation passes from the
// caller's context to that of the method.
//
// A unary method runs in the goroutine of its caller. A separate goroutine, even one that already
// waits for calls, costs two changes of goroutines. Each of them wakes another thread if a
// processor is idle, which takes longer than the rest of a call. A coroutine of [iter.Pull] costs
// little, but its caller cannot go on before it does, and a call in a locked thread would end the
// process.
package inprocess

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime/internal/network"
)

// Handler serves one method: it has one of Unary and Stream.
type Handler struct {
	Impl   any
	Unary  grpc.MethodHandler
	Stream grpc.StreamHandler
}

// Host is the server at the other end of a [Conn].
type Host interface {
	// Enter counts a call until Leave, or returns the error of a server that accepts no more.
	Enter() error
	Leave()
	// Handler returns what serves the method with a path.
	Handler(path string) Handler
}

// Conn is a connection to a server in the same process. It is safe for concurrent use.
type Conn struct {
	Host Host
	// Peer returns what a method sees as its peer. If it is nil or returns nil, that is an address
	// of type [network.InProcess].
	Peer func(ctx context.Context) *peer.Peer
	// Separate makes unary methods run in separate goroutines, so that a caller whose context ends
	// does not wait for its method.
	Separate bool
}

// authInfo states that nobody can read or change the messages.
type authInfo struct{ credentials.CommonAuthInfo }

// AuthType implements [credentials.AuthInfo].
func (authInfo) AuthType() string { return "inprocess" }

// thePeer is the peer of calls without another one, on both sides.
var thePeer = &peer.Peer{
	Addr: network.InProcess{}, LocalAddr: network.InProcess{},
	AuthInfo: authInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}},
}

// Invoke implements [grpc.ClientConnInterface].
func (conn *Conn) Invoke(
	ctx context.Context, method string, args, reply any, opts ...grpc.CallOption,
) error {
	return conn.Call(ctx, method, nil, args, reply, opts...)
}

// NewStream implements [grpc.ClientConnInterface].
func (conn *Conn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	s := &clientStream{desc: desc}
	s.options.read(opts)
	var err error
	if s.call, err = conn.open(ctx, method, &s.options); err != nil {
		s.options.finish(err)
		return nil, err
	}
	s.start(conn.Host)
	return s, nil
}

// callStream calls a method with streams that is called like a unary one.
func (conn *Conn) callStream(
	ctx context.Context, method string, request *buffer, reply any, options *callOptions,
) error {
	c, err := conn.open(ctx, method, options)
	if err != nil {
		return err
	}
	defer c.cancel()
	c.requests.push(request.data)
	c.requests.close()
	c.start(conn.Host)
	return c.only(reply, options)
}

// open returns a call that has not started.
func (conn *Conn) open(ctx context.Context, method string, options *callOptions) (*call, error) {
	if err := ctx.Err(); err != nil {
		return nil, contextError(err)
	}
	md, err := options.outgoing(ctx, method)
	if err != nil {
		return nil, err
	}
	if err := conn.Host.Enter(); err != nil {
		return nil, err
	}
	c := &call{
		client: withoutValues{ctx}, method: method, handler: conn.Host.Handler(method), md: complete(md, ""),
		peer: conn.peerOf(ctx),
	}
	c.server.call = c
	c.server.Context, c.cancel = context.WithCancel(&c.client)
	return c, nil
}

// peerOf returns what a method sees as its peer.
func (conn *Conn) peerOf(ctx context.Context) *peer.Peer {
	if conn.Peer != nil {
		if p := conn.Peer(ctx); p != nil {
			return p
		}
	}
	return thePeer
}

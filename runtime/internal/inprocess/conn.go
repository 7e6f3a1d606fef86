// Package inprocess carries calls to the methods of a server in the same process.
//
// Messages are encoded and decoded, so that client and server share none, and what cannot be
// encoded fails as it does on a network. A method runs in a separate goroutine, so that a caller
// whose context ends does not wait for it. Nothing but deadline and cancellation passes from the
// caller's context to that of the method.
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
func (conn *Conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) (err error) {
	var options callOptions
	if len(opts) > 0 {
		options.read(opts)
		defer func() { options.finish(err) }()
	}
	request, err := encode(args)
	if err != nil {
		return err
	}
	c, err := conn.open(ctx, method, &options)
	if err != nil {
		return err
	}
	defer c.cancel()
	c.requests.push(request)
	c.requests.close()
	c.start(conn.Host)
	return c.only(reply, &options)
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

// open returns a call that has not started.
func (conn *Conn) open(ctx context.Context, method string, options *callOptions) (*call, error) {
	if err := ctx.Err(); err != nil {
		return nil, contextError(err)
	}
	md, err := options.metadata(ctx, method)
	if err != nil {
		return nil, err
	}
	if err := conn.Host.Enter(); err != nil {
		return nil, err
	}
	c := &call{client: withoutValues{ctx}, method: method, handler: conn.Host.Handler(method), md: md, peer: thePeer}
	if conn.Peer != nil {
		if p := conn.Peer(ctx); p != nil {
			c.peer = p
		}
	}
	c.server.call = c
	c.server.Context, c.cancel = context.WithCancel(&c.client)
	return c, nil
}

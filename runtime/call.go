package runtime

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
)

// Call is an RPC in progress on the server, whose method's context carries it, or, for observers,
// one that a client makes. Do not keep it after the call. Its methods may be called concurrently.
//
// The runtime implements Call and may add methods: a type of yours that implements it should embed
// it.
type Call interface {
	// Method describes the RPC.
	Method() MethodInfo
	// Start returns when the call started: when its headers arrived, or when the pipeline did for a
	// stream, after an interceptor of the server, and on a server without GRPCOptions.
	Start() time.Time
	// RequestID returns the request ID that the caller sent in x-request-id, or a generated one: at
	// most 128 characters of visible ASCII.
	RequestID() string
	// Principal returns the authenticated caller, or nil if the caller is not authenticated.
	Principal() *Principal
	// Peer returns the address that the call comes from, or nil if it is unknown. Behind a proxy that
	// the server trusts, it is the address of the proxy's client: a *net.IPAddr if the proxy has
	// stated it for the call. A client's call has none.
	Peer() net.Addr
	// Received returns how many requests the method has received so far: 0 or 1 unless the RPC takes a
	// stream of requests. A client receives responses.
	Received() int64
	// Sent returns how many responses the method has sent so far: 0 or 1 unless the RPC returns a
	// stream of responses. A client sends requests.
	Sent() int64
	// Logger returns the server's logger with the method and the request ID. Records that are logged
	// without a context have that of the call, with what observers added to it, such as a span. It
	// allocates: keep it in a variable.
	Logger() *slog.Logger
}

// CallFromContext returns the call that ctx belongs to; false outside a call.
func CallFromContext(ctx context.Context) (Call, bool) {
	c, ok := ctx.Value(callctx.Key{}).(Call)
	return c, ok
}

// PolicyIn returns the policy of the call that ctx belongs to, with the server's overrides, if it
// is a call of this RPC. Otherwise, as when one method calls another, it returns the policy of the
// table.
func (i MethodInfo) PolicyIn(ctx context.Context) Policy {
	if c, ok := CallFromContext(ctx); ok {
		if info := c.Method(); info.FullMethod == i.FullMethod {
			return info.Policy
		}
	}
	return i.Policy
}

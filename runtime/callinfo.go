package runtime

import (
	"context"
	"log/slog"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
)

// Call is one RPC while it runs on the server. The context that the method gets carries it. It must
// not be kept after the call. The runtime implements it, and may add methods; embed it where you
// implement it yourself. Its methods may be called concurrently.
type Call interface {
	// Method returns what is known of the RPC.
	Method() MethodInfo
	// Start returns when the call arrived.
	Start() time.Time
	// RequestID returns the id that the caller sent in x-request-id, or the one that was made for the
	// call: at most 128 characters of visible ASCII.
	RequestID() string
	// Principal returns who makes the call, as the authenticator of the server has found out; nil
	// where nobody is known.
	Principal() *Principal
	// Received returns how many requests the method has received so far; for a call without a stream
	// of requests, 0 or 1.
	Received() int64
	// Sent returns how many responses the method has sent so far; for a call without a stream of
	// responses, 0 or 1.
	Sent() int64
	// Logger returns the server's logger with the method and the request id. It allocates: keep it in
	// a variable.
	Logger() *slog.Logger
}

// CallFromContext returns the call that ctx belongs to; false outside a call.
func CallFromContext(ctx context.Context) (Call, bool) {
	c, ok := ctx.Value(callctx.Key{}).(Call)
	return c, ok
}

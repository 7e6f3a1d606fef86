package runtime

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"google.golang.org/grpc/codes"
)

// ErrDraining is the error of calls that a shutdown cuts off: UNAVAILABLE, reason SERVER_DRAINING.
// A method that ends its stream early because of [Draining] returns or yields it, so that the
// stream does not look complete.
var ErrDraining = rpcerr.ReasonDraining.Errorf(codes.Unavailable, "the server is shutting down").Fixed()

// Draining returns a channel that is closed when the server of ctx's call starts to drain. A stream
// without a natural end should then end with [ErrDraining], so that its client reconnects to
// another server. Outside a call the channel is nil.
func Draining(ctx context.Context) <-chan struct{} {
	c, ok := callctx.Of(ctx)
	if !ok {
		return nil
	}
	return c.Draining()
}

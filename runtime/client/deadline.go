package client

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
)

// DeadlineMargin is how much earlier than a server call its calls to other servers end, so that
// there is time to respond if one is too slow. If less than ten times the margin remains, the
// margin is a tenth of what remains.
const DeadlineMargin = 20 * time.Millisecond

// WithCallTimeout returns a connection with another default deadline: unary calls of generated
// clients get timeout, instead of [DefaultTimeout], if neither their context nor the policy of
// the method has a deadline. 0 or less means no deadline. Pass the result directly to the
// constructor of a client:
//
//	books := libraryv1service.NewBookServiceClient(client.WithCallTimeout(conn, 5*time.Second))
//
// The counterpart on the server is server.WithDefaultTimeout.
func WithCallTimeout(conn grpc.ClientConnInterface, timeout time.Duration) grpc.ClientConnInterface {
	if c, ok := conn.(*timedConn); ok {
		conn = c.ClientConnInterface
	}
	return &timedConn{conn, timeout}
}

// timedConn is a connection whose clients have another default deadline.
type timedConn struct {
	grpc.ClientConnInterface
	timeout time.Duration
}

// clientTimeout returns the timeout of every stream, or of a unary call whose context has no
// deadline. It is byDefault if the policy has none. 0 means no limit.
func clientTimeout(info runtime.MethodInfo, byDefault time.Duration) time.Duration {
	switch p := info.Policy; {
	case info.Kind != runtime.KindUnary:
		return max(0, p.TotalTimeout) // None is below 0
	case p.Timeout != 0:
		return max(0, p.Timeout)
	case p.MaxTimeout > 0 && (byDefault <= 0 || byDefault > p.MaxTimeout):
		return p.MaxTimeout
	default:
		return max(0, byDefault)
	}
}

// withMargin moves a deadline that is the end of a server call forward by the margin.
func withMargin(ctx context.Context, deadline time.Time) (limit time.Time, sooner bool) {
	c, ok := callctx.Of(ctx)
	if !ok {
		return deadline, false
	}
	end, ok := c.Ends()
	if !ok || deadline.After(end) { // the context outlives its call: see context.WithoutCancel
		return deadline, false
	}
	if limit = end.Add(-min(DeadlineMargin, time.Until(end)/10)); limit.Before(deadline) {
		return limit, true
	}
	return deadline, false
}

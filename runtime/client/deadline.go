package client

import (
	"context"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"google.golang.org/grpc"
)

// DeadlineMargin is how much sooner than a server call the calls end that it makes to other servers, so that there is time
// to answer for one that was too slow. Where less than ten times as much is left, it is a tenth of what is left.
const DeadlineMargin = 20 * time.Millisecond

// WithCallTimeout returns conn for generated clients, whose unary calls without deadline get timeout
// where the policy of the method has none, instead of [server.DefaultTimeout]. 0 or less is no deadline. What
// makes clients must get the result itself:
//
//	books := libraryv1service.NewBookServiceClient(client.WithCallTimeout(conn, 5*time.Second))
//
// It is for clients what [server.WithDefaultTimeout] is for servers.
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

// clientTimeout returns how long a call may take: a stream at all, a unary call whose context has no
// deadline. That is byDefault where the policy does not say. 0 is no limit.
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

// limit gives a unary call its deadline. Where ctx has the right one, that costs nothing.
func (m *Method) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, sooner := m.deadline(ctx); sooner {
		return context.WithDeadline(ctx, deadline)
	}
	return ctx, func() {}
}

// limitStream gives a stream its deadline, if any, and a context that can be cancelled.
func (m *Method) limitStream(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, sooner := m.deadline(ctx); sooner {
		return context.WithDeadline(ctx, deadline)
	}
	return context.WithCancel(ctx)
}

// deadline returns the deadline of a call and whether it is sooner than that of ctx.
func (m *Method) deadline(ctx context.Context) (deadline time.Time, sooner bool) {
	deadline, limited := ctx.Deadline()
	if limited {
		deadline, sooner = withMargin(ctx, deadline)
	}
	if m.timeout == 0 || limited && m.info.Kind == runtime.KindUnary {
		return deadline, sooner
	}
	if end := time.Now().Add(m.timeout); !limited || end.Before(deadline) {
		return end, true
	}
	return deadline, sooner
}

// withMargin moves a deadline forward that is the end of a server call.
func withMargin(ctx context.Context, deadline time.Time) (limit time.Time, sooner bool) {
	c, ok := callctx.Of(ctx)
	if !ok {
		return deadline, false
	}
	end, ok := c.Ends()
	if !ok || deadline.After(end) { // a context that outlives its call: see context.WithoutCancel
		return deadline, false
	}
	if limit = end.Add(-min(DeadlineMargin, time.Until(end)/10)); limit.Before(deadline) {
		return limit, true
	}
	return deadline, false
}

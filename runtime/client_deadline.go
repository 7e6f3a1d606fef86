package runtime

import (
	"context"
	"time"
)

// DeadlineMargin is how much sooner than a server call the calls end that it makes to other servers, so that there is time
// to answer for one that was too slow. Where less than ten times as much is left, it is a tenth of what is left.
const DeadlineMargin = 20 * time.Millisecond

// clientTimeout returns how long a call may take: a stream at all, a unary call whose context has no deadline. 0 is no limit.
func clientTimeout(info MethodInfo) time.Duration {
	switch p := info.Policy; {
	case info.Kind != KindUnary:
		return max(0, p.TotalTimeout) // None is below 0
	case p.Timeout == 0 && p.MaxTimeout > 0:
		return min(DefaultTimeout, p.MaxTimeout)
	case p.Timeout == 0:
		return DefaultTimeout
	default:
		return max(0, p.Timeout)
	}
}

// limit gives a unary call its deadline. Where ctx has the right one, that costs nothing.
func (m *ClientMethod) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, sooner := m.deadline(ctx); sooner {
		return context.WithDeadline(ctx, deadline)
	}
	return ctx, func() {}
}

// limitStream gives a stream its deadline, if any, and a context that can be cancelled.
func (m *ClientMethod) limitStream(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, sooner := m.deadline(ctx); sooner {
		return context.WithDeadline(ctx, deadline)
	}
	return context.WithCancel(ctx)
}

// deadline returns the deadline of a call and whether it is sooner than that of ctx.
func (m *ClientMethod) deadline(ctx context.Context) (deadline time.Time, sooner bool) {
	deadline, limited := ctx.Deadline()
	if limited {
		deadline, sooner = withMargin(ctx, deadline)
	}
	if m.timeout == 0 || limited && m.info.Kind == KindUnary {
		return deadline, sooner
	}
	if end := time.Now().Add(m.timeout); !limited || end.Before(deadline) {
		return end, true
	}
	return deadline, sooner
}

// withMargin moves a deadline forward that is the end of a server call.
func withMargin(ctx context.Context, deadline time.Time) (limit time.Time, sooner bool) {
	c, ok := callOf(ctx)
	if !ok {
		return deadline, false
	}
	end, ok := c.ends()
	if !ok || deadline.After(end) { // a context that outlives its call: see context.WithoutCancel
		return deadline, false
	}
	if limit = end.Add(-min(DeadlineMargin, time.Until(end)/10)); limit.Before(deadline) {
		return limit, true
	}
	return deadline, false
}

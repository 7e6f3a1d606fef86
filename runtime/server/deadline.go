package server

import (
	"context"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

// deadlines are the bounds on the time of one method's calls; 0 is none.
type deadlines struct {
	standard time.Duration // of a unary call whose client sent none
	longest  time.Duration // of any unary call
	idle     time.Duration // between two messages of a stream
	total    time.Duration // of a stream
}

// deadlinesOf returns the bounds of a policy, where byDefault is what a unary call gets whose policy says nothing.
func deadlinesOf(p runtime.Policy, byDefault time.Duration) deadlines {
	d := deadlines{standard: p.Timeout, longest: max(0, p.MaxTimeout), idle: max(0, p.IdleTimeout), total: max(0, p.TotalTimeout)}
	if d.standard == 0 {
		d.standard = byDefault
	}
	d.standard = max(0, d.standard)
	if d.longest > 0 && (d.standard == 0 || d.standard > d.longest) {
		d.standard = d.longest
	}
	return d
}

// withDeadline returns the context of a unary call with the deadline of its client, if it sent one and may ask for so much, and
// else that of the policy. One that is tight enough costs nothing.
func (c *callContext) withDeadline(d deadlines) context.Context {
	timeout := d.standard
	if deadline, ok := c.Context.Deadline(); ok {
		if timeout = d.longest; timeout == 0 || time.Until(deadline) <= timeout {
			return (*lazyContext)(c)
		}
	}
	if timeout <= 0 {
		return (*lazyContext)(c)
	}
	deadline := time.Now().Add(timeout)
	ctx, cancel := context.WithDeadline(c, deadline)
	c.list(cancel)
	c.deadline.Store(deadline.UnixNano())
	return ctx
}

package server

import (
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

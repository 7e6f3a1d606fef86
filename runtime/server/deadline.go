package server

import (
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

// deadlines are the time limits of a method's calls; 0 is none.
type deadlines struct {
	standard time.Duration // of a unary call whose client sent none
	longest  time.Duration // of any unary call
	idle     time.Duration // between two messages of a stream
	total    time.Duration // of a stream
}

// deadlinesOf returns the time limits of a policy. byDefault is the deadline of unary calls without
// one in the policy.
func deadlinesOf(p runtime.Policy, byDefault time.Duration) deadlines {
	d := deadlines{
		standard: p.Timeout, longest: max(0, p.MaxTimeout),
		idle: max(0, p.IdleTimeout), total: max(0, p.TotalTimeout),
	}
	if d.standard == 0 {
		d.standard = byDefault
	}
	d.standard = max(0, d.standard)
	if d.longest > 0 && (d.standard == 0 || d.standard > d.longest) {
		d.standard = d.longest
	}
	return d
}

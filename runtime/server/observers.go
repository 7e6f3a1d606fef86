package server

import (
	"strings"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
)

// WithObservers adds observers. The first one is called first when a call starts, and last when it
// finishes.
func WithObservers(observers ...runtime.Observer) Option {
	return func(c *settings) {
		for i, o := range observers {
			if isNil(o) {
				c.fail("WithObservers: observer %d is nil", i+1)
				return
			}
		}
		c.observers = append(c.observers, observers...)
	}
}

// observe notifies the observers of the start of a call.
func (m *method) observe(c *callContext) {
	for _, o := range m.observing {
		if ctx := o.Begin(c.Context, c); ctx != nil {
			c.Context = ctx // nothing else has c yet
		}
		c.observed++
	}
}

// notify passes the outcome of a call to the access log and the observers. A failed call has its
// request ID in the trailer, for reports; for a successful one that would cost more than the rest
// of the pipeline.
func (m *method) notify(c *callContext, outcome runtime.Outcome) {
	m.logCall(c, outcome)
	if outcome.Cause != nil && !m.without.requestID {
		c.call.id.Echo(c)
	}
	m.endObservers(c.observed, c, outcome)
}

// endObservers notifies the first n observers of the outcome, the last of them first. It notifies
// all of them even if one calls runtime.Goexit, as FailNow of a test does.
func (m *method) endObservers(n int, c *callContext, outcome runtime.Outcome) {
	if n == 0 {
		return
	}
	defer m.endObservers(n-1, c, outcome)
	m.endObserver(m.observing[n-1], c, outcome)
}

// logCall writes the record of the access log.
func (m *method) logCall(c *callContext, outcome runtime.Outcome) {
	defer m.shield(c)
	m.log.write(c, c.call.policy.records, c.unknownPath(), outcome)
}

func (m *method) endObserver(o runtime.MethodObserver, c *callContext, outcome runtime.Outcome) {
	defer m.shield(c)
	o.End(c, c, outcome)
}

// unknownPath returns the path that the client sent for an unknown method, or "".
func (c *callContext) unknownPath() string {
	m := c.call.method
	if m.info.FullMethod != UnknownMethod {
		return ""
	}
	path, _ := grpc.Method(c)
	if c.arrival != nil {
		path = c.arrival.Method
	}
	return strings.ToValidUTF8(path[:min(len(path), maxPath)], "\uFFFD")
}

// maxPath is the length in bytes to which the log cuts the path of an unknown method.
const maxPath = 128

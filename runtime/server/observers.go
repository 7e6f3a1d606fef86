package server

import (
	"strings"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
)

// WithObservers adds observers. The first one is called first when a call begins, and last when it
// ends.
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

// bindObservers returns those who watch a method.
func bindObservers(observers []runtime.Observer, info runtime.MethodInfo) (bound []runtime.MethodObserver) {
	for _, o := range observers {
		if m := o.Bind(info); m != nil {
			bound = append(bound, m)
		}
	}
	return bound
}

// observe calls the observers.
func (m *method) observe(c *callContext) {
	for _, o := range m.observing {
		if ctx := o.Begin(c.Context, c); ctx != nil {
			c.Context = ctx // nobody else has c yet
		}
		c.observed++
	}
}

// tell lets the log, the caller and the observers know how the call ended.
func (m *method) tell(c *callContext, outcome runtime.Outcome) {
	m.logCall(c, outcome)
	if outcome.Cause != nil && !m.without.requestID { // what a caller may want to report; of a success it would cost more than the rest
		c.call.id.Echo(c)
	}
	m.endObservers(c.observed, c, outcome)
}

// endObservers tells the first n observers, the last of them first. They are told even if one of them ends the goroutine, as
// FailNow of a test does.
func (m *method) endObservers(n int, c *callContext, outcome runtime.Outcome) {
	if n == 0 {
		return
	}
	defer m.endObservers(n-1, c, outcome)
	m.endObserver(m.observing[n-1], c, outcome)
}

// logCall writes the access log.
func (m *method) logCall(c *callContext, outcome runtime.Outcome) {
	defer m.shield(c)
	m.log.write(c, outcome)
}

func (m *method) endObserver(o runtime.MethodObserver, c *callContext, outcome runtime.Outcome) {
	defer m.shield(c)
	o.End(c, c, outcome)
}

// unknownPath returns the path that the client has sent, if the call is of an unknown method.
func (c *callContext) unknownPath() string {
	m := c.call.method
	if m != m.unknown {
		return ""
	}
	path, _ := grpc.Method(c)
	if c.arrival != nil {
		path = c.arrival.Method
	}
	return strings.ToValidUTF8(path[:min(len(path), maxPath)], "\uFFFD")
}

// maxPath is how much of a path of a client's choosing is logged, in bytes.
const maxPath = 128

package server

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// WithObservers adds observers. The first one is called first when a call starts, and last when it
// finishes.
//
// An observer that panics changes nothing for the call: its panic is logged and passed to the
// [PanicHandler], at most once a minute for each observer. One whose Bind panics is an error of
// [Server.Run].
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

// Observers returns the observers of [WithObservers], in their order. A part that makes other work
// than calls visible, such as attempts at operations, asks them whether they can.
func (s *Server) Observers() []runtime.Observer { return slices.Clone(s.pipeline.observers) }

// shieldInterval is the shortest time between two records of panics of one observer.
const shieldInterval = time.Minute

// shield keeps the panics of one observer, or of the access log, from calls and from filling the
// log.
type shield struct {
	name   string // its type
	panics *report.Throttle
}

func newShield(name string) *shield { return &shield{name, report.NewThrottle(shieldInterval)} }

// watcher is what observes the calls of a method.
type watcher struct {
	runtime.MethodObserver
	*shield // of its observer
}

// bindObservers returns what observes a method.
func (p *pipeline) bindObservers(info runtime.MethodInfo) (bound []watcher) {
	for i, o := range p.observers {
		observer, err := bindObserver(o, info)
		if err != nil {
			p.failToBind(err)
		} else if observer != nil {
			bound = append(bound, watcher{observer, p.shields[i]})
		}
	}
	return bound
}

// bindObserver calls Bind of o and recovers its panic.
func bindObserver(
	o runtime.Observer, info runtime.MethodInfo,
) (bound runtime.MethodObserver, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("%s: the observer %T panicked in Bind: %v", info.FullMethod[1:], o, value)
		}
	}()
	return o.Bind(info), nil
}

// shieldsOf returns a shield for each observer.
func shieldsOf(observers []runtime.Observer) (shields []*shield) {
	for _, o := range observers {
		shields = append(shields, newShield(fmt.Sprintf("%T", o)))
	}
	return shields
}

// observe notifies the observers of the start of a call.
func (m *method) observe(c *callContext) {
	for i := range m.observing {
		m.beginObserver(&m.observing[i], c)
	}
}

func (m *method) beginObserver(o *watcher, c *callContext) {
	defer m.recoverFrom(o.shield, c)
	c.observed++
	if ctx := o.Begin(c.Context, c); ctx != nil {
		c.Context = ctx // nothing else has c yet
	}
}

// notify passes the outcome of a call to the access log and the observers. A failed call has its
// request ID in the trailer, for reports; for a successful one that would cost more than the rest
// of the pipeline.
func (m *method) notify(c *callContext, outcome runtime.Outcome) {
	if c.observed > 0 {
		outcome.Duration = c.elapsed()
	}
	m.logCall(c, outcome)
	if outcome.Cause != nil && !m.without.requestID {
		c.call.id.Echo(c)
	}
	m.endObservers(int(c.observed), c, outcome)
}

// endObservers notifies the first n observers of the outcome, the last of them first. It notifies
// all of them even if one calls runtime.Goexit, as FailNow of a test does.
func (m *method) endObservers(n int, c *callContext, outcome runtime.Outcome) {
	if n == 0 {
		return
	}
	defer m.endObservers(n-1, c, outcome)
	m.endObserver(&m.observing[n-1], c, outcome)
}

// logCall writes the record of the access log.
func (m *method) logCall(c *callContext, outcome runtime.Outcome) {
	defer m.recoverFrom(m.logShield, c)
	m.log.write(c, c.call.policy.records, c.unknownPath(), outcome)
}

func (m *method) endObserver(o *watcher, c *callContext, outcome runtime.Outcome) {
	defer m.recoverFrom(o.shield, c)
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

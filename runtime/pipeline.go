package runtime

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
)

// pipeline is what every call of one server goes through. Its policy is fixed before the first method is bound.
type pipeline struct {
	logger  *slog.Logger
	timeout time.Duration // default deadline of unary calls; 0 is none
	unary   grpc.UnaryServerInterceptor
	stream  grpc.StreamServerInterceptor
	onPanic PanicHandler
	drain   *drain

	mu      sync.Mutex
	methods []*method // all that were bound, to tell what is running
}

// method is one RPC of a server with all that its calls need, looked up once, when it is registered.
type method struct {
	*pipeline
	info       MethodInfo
	log        accessLog
	unaryInfo  grpc.UnaryServerInfo
	streamInfo grpc.StreamServerInfo
	inFlight   atomic.Int64
}

// bind prepares the RPC that info describes, which server serves.
func (p *pipeline) bind(info MethodInfo, server any) *method {
	m := &method{
		pipeline:  p,
		info:      info,
		log:       newAccessLog(p.logger, info),
		unaryInfo: grpc.UnaryServerInfo{Server: server, FullMethod: info.FullMethod},
		streamInfo: grpc.StreamServerInfo{
			FullMethod:     info.FullMethod,
			IsClientStream: info.Kind == KindClientStream || info.Kind == KindBidi,
			IsServerStream: info.Kind == KindServerStream || info.Kind == KindBidi,
		},
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.methods = append(p.methods, m)
	return m
}

// begin opens a call: all that it carries is one allocation.
func (m *method) begin(ctx context.Context) *callContext {
	m.inFlight.Add(1)
	return &callContext{Context: ctx, call: Call{method: m, start: time.Now(), id: incomingRequestID(ctx)}}
}

// setDeadline gives a call whose client sent no deadline the default one.
func (c *callContext) setDeadline(timeout time.Duration) {
	if timeout <= 0 {
		return
	}
	if _, ok := c.Context.Deadline(); !ok {
		c.Context, c.cancel = context.WithTimeout(c.Context, timeout)
	}
}

// followDrain lets a shutdown that has run out of patience cancel the call.
func (c *callContext) followDrain(d *drain) {
	ctx, cancel := context.WithCancelCause(c.Context)
	stop := context.AfterFunc(d.expired, func() { cancel(errDraining) })
	c.Context = ctx
	c.cancel = func() { stop(); cancel(nil) }
}

// finish closes a call, and must be deferred itself: it recovers the method's panic. It waits for the goroutines that the
// call started, makes *err the status that the caller gets, and writes the access log.
func (m *method) finish(c *callContext, err *error) {
	if value := recover(); value != nil {
		*err = m.panicked(c, value)
	}
	if g := c.call.group.Load(); g != nil {
		*err = g.join(*err)
	}
	cause := *err
	if cause != nil {
		*err = c.statusOf(cause).Err()
	}
	if c.cancel != nil {
		c.cancel()
	}
	// The caller learns the id of a call that failed, and of one that is in the log under an id it did not send.
	if logged := m.log.write(c, *err, cause); cause != nil || logged && c.call.id.sent == "" {
		c.call.id.echo(c)
	}
	m.inFlight.Add(-1)
}

// inFlight returns how many calls are running.
func (p *pipeline) inFlight() (n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.methods {
		n += m.inFlight.Load()
	}
	return n
}

// running names the methods that calls are running of, with how many.
func (p *pipeline) running() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for _, m := range p.methods {
		if n := m.inFlight.Load(); n > 0 {
			names = append(names, fmt.Sprintf("%s (%d)", m.log.name, n))
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

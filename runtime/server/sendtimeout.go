package server

import (
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// errSlowConsumer is the error of a stream whose client does not read.
var errSlowConsumer = rpcerr.ReasonSlowConsumer.Errorf(codes.ResourceExhausted,
	"the client did not read for too long").Fixed()

// sweeps is how often blocked sends are looked for during a timeout: a send is ended at most two
// sweeps late.
const sweeps = 8

// blocked returns how long the call has been sending the same message; 0 if it is not sending.
func (c *liveCall) blocked(now time.Time) time.Duration {
	message := c.call.call.turns.Sending()
	if message == 0 {
		c.stuck.message = 0
		return 0
	}
	if c.stuck.message != message {
		c.stuck = stuckSend{message, now}
	}
	return now.Sub(c.stuck.since)
}

// watchSends looks for blocked sends, and for finished calls whose responses are not read, for as
// long as there are calls. Streams only count what they send: a clock for each message would cost
// more than the message.
func (p *pipeline) watchSends() {
	if p.sendTimeout > 0 && !p.sweeping.Load() && p.sweeping.CompareAndSwap(false, true) {
		time.AfterFunc(p.sendTimeout/sweeps, p.sweepSends)
	}
}

// sweepSends ends the streams that have been blocked for too long.
func (p *pipeline) sweepSends() {
	p.sweeping.Store(false) // a call that starts from now on sees to the next sweep
	streams, blocked := p.blockedCalls(time.Now())
	for _, c := range blocked {
		c.endBlocked(errSlowConsumer)
	}
	if calls := p.capacity.AbortUnread(sweeps); calls || streams {
		p.watchSends()
	}
}

// dropUnread resets, during a shutdown, the streams of finished calls whose clients read nothing of
// the response for [unreadGrace], until stop is called. The shutdown would wait for them as long as
// for calls. Without a send timeout it does.
func (p *pipeline) dropUnread() (stop func()) {
	if p.sendTimeout <= 0 {
		return func() {}
	}
	done := make(chan struct{})
	p.capacity.RestartUnread()
	go func() {
		ticker := time.NewTicker(unreadGrace)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				p.capacity.AbortUnread(1)
			}
		}
	}()
	return func() { close(done) }
}

// blockedCalls returns the calls that have been sending a message for too long, and whether there
// are any streams.
func (p *pipeline) blockedCalls(now time.Time) (streams bool, blocked []*callContext) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.methods {
		if m.info.Kind != runtime.KindUnary {
			some, more := m.live.blocked(now, p.sendTimeout)
			streams, blocked = streams || some, append(blocked, more...)
		}
	}
	return streams, blocked
}

// blocked returns the calls that have been sending a message for the timeout, and whether there are
// any calls.
func (l *liveCalls) blocked(now time.Time, timeout time.Duration) (some bool, blocked []*callContext) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := l.first; c != nil; c = c.next {
		if c.call != nil && c.blocked(now) >= timeout {
			blocked = append(blocked, c.call)
		}
	}
	return l.first != nil, blocked
}

// endBlocked ends a stream because of err although its method is blocked in sending, which returns
// then. The status would wait behind what the client does not read, so the stream is reset.
func (c *callContext) endBlocked(err error) {
	c.rejection.CompareAndSwap(nil, &err)
	c.writeStatus(err) // ends the context of the transport, for which sending waits, too
	c.arrival.Abort()
}

// rejected returns the error that ends the stream whatever its method returns; nil if there is
// none.
func (c *callContext) rejected() error {
	if because := c.rejection.Load(); because != nil {
		return *because
	}
	return nil
}

// writeStatus sends the status of a call whose goroutine calls runtime.Goexit. Nothing returns to
// grpc, so without it the caller would wait for its deadline.
func (c *callContext) writeStatus(err error) {
	// grpc's own streams have the method, although its interface for them does not.
	if stream, ok := c.transport().(interface{ WriteStatus(*status.Status) error }); ok {
		_ = stream.WriteStatus(status.Convert(err)) // fails if the caller is gone
	}
}

// unreadGrace is how long a client that did not read has to read the status of a stream that has
// ended. Then the stream is reset, so that a shutdown does not wait for it.
const unreadGrace = time.Second

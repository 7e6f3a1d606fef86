package bounds

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// Arrival is the context of a call whose headers have arrived, as far as the transport knows it.
type Arrival struct {
	context.Context
	// Method is the path that the client sent.
	Method string
	// At is when the headers had arrived.
	At time.Time

	conn    *connUse
	stream  uint32 // 0 if the call does not count
	verdict Verdict
	handled atomic.Bool

	finished atomic.Bool
	// Number of sweeps without a write of the response; guarded by the connection's mutex.
	unread  int
	aborted bool // guarded by the same mutex
}

type arrivalKey struct{}

// Value implements context.Context.
func (a *Arrival) Value(key any) any {
	if key == (arrivalKey{}) {
		return a
	}
	return a.Context.Value(key)
}

// ArrivalIn returns the arrival that ctx derives from, or nil.
func ArrivalIn(ctx context.Context) *Arrival {
	a, _ := ctx.Value(arrivalKey{}).(*Arrival)
	return a
}

// Handle records that a handler has the call. New's unhandled function receives calls that grpc
// answers without a handler.
func (a *Arrival) Handle() {
	if a != nil {
		a.handled.Store(true)
	}
}

// Rejected reports whether [Bounds.Begin] will reject the call, whatever calls finish until then.
func (a *Arrival) Rejected() bool { return a != nil && a.verdict != Accepted }

// Tap returns the context of a call whose headers have arrived, which counts for as long as the
// transport holds it. It rejects none, and leaves that to [Bounds.Begin]: what grpc does when a tap
// handle rejects a call, it leaves the timer of the call's deadline behind. addr is the address of
// the peer, as grpc has it. Calls of connections that the Bounds do not know are accepted and not
// counted.
//
// It must be called by the goroutine that reads the connection: by a tap handle of grpc.
func (b *Bounds) Tap(ctx context.Context, addr net.Addr, method string, essential bool) context.Context {
	known, ok := b.conns.Load(addr)
	if !ok {
		return ctx
	}
	conn := known.(*connUse)
	a := &Arrival{Context: ctx, Method: method, At: time.Now(), conn: conn}
	a.verdict = conn.begin(a, essential)
	return a
}

// Finish records that the method of the call has returned.
func (a *Arrival) Finish() {
	if a != nil {
		a.finished.Store(true)
	}
}

// Abort resets the stream of the call at once, without sending what is queued for it, if the
// transport still holds the stream.
func (a *Arrival) Abort() {
	if a != nil && a.stream != 0 {
		a.conn.abort(a.stream)
	}
}

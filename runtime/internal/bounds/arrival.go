package bounds

import (
	"context"
	"net"
	"time"
)

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

// Handle records that a handler runs the call. New's unhandled function receives the calls that
// grpc ends without a handler.
func (a *Arrival) Handle() {
	if a != nil {
		a.handled.Store(true)
	}
}

// Rejected reports whether [Bounds.Begin] will reject the call, even if other calls end until then.
func (a *Arrival) Rejected() bool { return a != nil && a.verdict != Accepted }

// Tap returns the context of a call whose headers have arrived; the call counts while the transport
// holds it. Tap rejects no call itself and leaves that to [Bounds.Begin], because grpc does not
// stop the timer of the deadline of a call that a tap handle rejects. addr is the peer's address as
// grpc reports it. client is the address that the call counts for instead, or nil. Calls of
// connections that are unknown to the Bounds are accepted and not counted.
//
// It must be called by the goroutine that reads the connection: by a tap handle of grpc.
func (b *Bounds) Tap(ctx context.Context, addr, client net.Addr, method string, essential bool) context.Context {
	known, ok := b.conns.Load(addr)
	if !ok {
		return ctx
	}
	conn := known.(*connUse)
	a := &Arrival{Context: ctx, Method: method, At: time.Now(), Client: client, conn: conn}
	a.verdict = conn.begin(a, essential)
	return a
}

// Finish records that the method of the call has returned.
func (a *Arrival) Finish() {
	if a != nil {
		a.finished.Store(true)
	}
}

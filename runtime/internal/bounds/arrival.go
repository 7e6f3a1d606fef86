package bounds

import (
	"context"
	"net"
	"reflect"

	"google.golang.org/grpc/metadata"
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

// Read reports whether the transport has read md with the headers of the call.
func (a *Arrival) Read(md metadata.MD) bool {
	return a != nil && md != nil &&
		reflect.ValueOf(md).UnsafePointer() == reflect.ValueOf(a.Header).UnsafePointer()
}

// Addr returns the address of the connection.
func (a *Arrival) Addr() net.Addr { return a.conn.addr }

// IsFrom reports whether addr is that of the connection, as grpc reports it.
func (a *Arrival) IsFrom(addr net.Addr) bool {
	return a != nil && a.conn != nil && a.conn.addr == addr
}

// Conn returns the connection from addr, the peer's address as grpc reports it; nil for one that is
// unknown to the Bounds.
func (b *Bounds) Conn(addr net.Addr) *Conn {
	known, _ := b.conns.Load(addr)
	conn, _ := known.(*Conn)
	return conn
}

// Tap counts a call while the transport holds it. Only the exported fields of a are set, and the
// context of the call must derive from a. Tap rejects no call itself and leaves that to
// [Bounds.Begin], because grpc does not stop the timer of the deadline of a call that a tap handle
// rejects.
//
// It must be called by the goroutine that reads the connection: by a tap handle of grpc.
func (c *Conn) Tap(a *Arrival, essential bool) {
	a.conn = c
	a.verdict = c.begin(a, essential)
}

// Finish records that the method of the call has returned.
func (a *Arrival) Finish() {
	if a != nil {
		a.finished.Store(true)
	}
}

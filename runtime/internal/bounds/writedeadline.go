package bounds

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// writeDeadline is the deadline for writing to a connection. An HTTP/2 server sets it before each
// write and removes it after, which costs a third of a message. So a deadline that was removed stays
// until the next write, and one that is set serves for the next if that is little later: a write
// without progress fails up to an eighth of its time too early.
//
// It is safe for concurrent use.
type writeDeadline struct {
	writes  atomic.Uint64 // those that run, plus ended for each that has ended
	removed atomic.Bool   // the connection still has a deadline that was removed

	mu sync.Mutex
	at time.Time // that the connection has; zero for none
}

const ended = 1 << 32

// running reports whether a write runs, of a number of writes.
func running(writes uint64) bool { return uint32(writes) > 0 }

// set implements the SetWriteDeadline of a connection.
func (d *writeDeadline) set(conn net.Conn, t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.IsZero() {
		d.removed.Store(!d.at.IsZero())
		if running(d.writes.Load()) {
			return d.clear(conn)
		}
		return nil
	}
	d.removed.Store(false)
	if later := t.Sub(d.at); !d.at.IsZero() && later >= 0 && later <= time.Until(t)/8 {
		return nil
	}
	d.at = t
	return conn.SetWriteDeadline(t)
}

// clear makes the connection forget a deadline that was removed. d is locked.
func (d *writeDeadline) clear(conn net.Conn) error {
	if !d.removed.Load() {
		return nil
	}
	d.removed.Store(false)
	d.at = time.Time{}
	return conn.SetWriteDeadline(time.Time{})
}

// write implements the Write of a connection.
func (d *writeDeadline) write(conn net.Conn, p []byte) (int, error) {
	d.writes.Add(1)
	if d.removed.Load() {
		d.forget(conn)
	}
	n, err := conn.Write(p)
	d.writes.Add(ended - 1)
	return n, err
}

// forget is clear, before a write without a deadline. A connection that fails here fails to write.
func (d *writeDeadline) forget(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.clear(conn)
}

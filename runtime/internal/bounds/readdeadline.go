package bounds

import (
	"net"
	"sync"
	"time"
)

// readDeadline is the deadline for reading from a connection. An HTTP/1.1 server changes it six
// times for each request, and hardly ever lets it pass. So a deadline that is removed or put off
// stays, and a read that fails at it goes on.
//
// It is safe for concurrent use.
type readDeadline struct {
	mu     sync.Mutex
	wanted time.Time // zero for none
	at     time.Time // that the connection has: not after wanted; zero for none
	stands time.Time // the last that was not to interrupt a read
}

// set implements the SetReadDeadline of a connection.
func (d *readDeadline) set(conn net.Conn, t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	if !d.at.IsZero() && (t.IsZero() || !t.Before(d.at)) && d.at.Equal(d.stands) {
		return nil
	}
	if t.IsZero() && time.Until(d.stands) > 0 { // a read was interrupted
		t = d.stands
	}
	return d.apply(conn, t)
}

// apply changes the deadline of the connection. d is locked.
func (d *readDeadline) apply(conn net.Conn, t time.Time) error {
	if err := conn.SetReadDeadline(t); err != nil {
		return err
	}
	d.at = t
	if t.IsZero() || time.Until(t) > 0 {
		d.stands = t
	}
	return nil
}

// read implements the Read of a connection.
func (d *readDeadline) read(conn net.Conn, p []byte) (int, error) {
	for {
		n, err := conn.Read(p)
		if n > 0 || err == nil || !isTimeout(err) || !d.early(conn) {
			return n, err
		}
	}
}

// isTimeout reports whether a read has failed at a deadline. Connections that are none of package
// net may have an error of their own. It allocates nothing: every request interrupts a read.
func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// early reports whether a read that has failed at the deadline of the connection goes on, and gives
// the connection the right one. The system has timeouts too, which count at any time.
func (d *readDeadline) early(conn net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at.IsZero() || time.Until(d.at) > 0 {
		return false
	}
	early := d.wanted.IsZero() || time.Until(d.wanted) > 0
	return early && d.apply(conn, d.wanted) == nil
}

// restore gives the connection its deadline back, after something else has set one.
func (d *readDeadline) restore(conn net.Conn) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.apply(conn, d.wanted)
}

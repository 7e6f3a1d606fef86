// Package h2conn follows the frames of HTTP/2 connections. It limits how long a client may take to
// send a block of headers, and reports when streams start and end.
package h2conn

import (
	"net"
	"syscall"
	"time"

	"google.golang.org/grpc/mem"
)

// Streams is notified about the streams of a connection. Opened and Reset are called by the
// goroutine that reads the connection, Writing and Written by the one that writes it.
type Streams interface {
	// Opened is called when the headers of a stream have been read, before any later bytes.
	Opened(stream uint32)
	// Reset is called when the client resets a stream.
	Reset(stream uint32)
	// Writing is called before each write to the connection, which may take long.
	Writing()
	// Written is called after a write, with the streams that the server has answered and those that
	// it has reset.
	Written(answered, reset []uint32)
}

// Conn is the server's end of a connection. It closes the connection if a block of headers is not
// complete in time. grpc would wait for the rest for the lifetime of the connection, and so would
// its shutdown. Bytes that are not HTTP/2 pass unchanged.
//
// The time limit is a timer and not a read deadline, because grpc sets and clears the deadlines of
// a connection around the handshake.
//
// As in grpc, one goroutine reads at a time, and one writes.
type Conn struct {
	net.Conn
	timeout time.Duration
	streams Streams

	in      requests
	timer   *time.Timer // made by the first incomplete block of headers
	running bool        // whether the timer is
	rest    *[]byte     // bytes that were read too early, or nil
	from    int         // the offset of the next byte in rest

	out             frames
	answered, reset []uint32 // streams that a write ends

	ready  ready
	aborts aborts

	followed followed
}

// New returns conn with a time limit for each block of headers. It notifies streams of events.
func New(conn net.Conn, timeout time.Duration, streams Streams) *Conn {
	c := &Conn{Conn: conn, timeout: timeout, streams: streams}
	c.ready.init(conn)
	return c
}

// SyscallConn implements syscall.Conn if the connection does.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	if conn, ok := c.Conn.(syscall.Conn); ok {
		return conn.SyscallConn()
	}
	return nil, syscall.EINVAL
}

// NetConn returns the underlying connection.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Read implements net.Conn. It returns nothing after headers that open a stream, so that they are
// handled before later bytes are read.
func (c *Conn) Read(p []byte) (int, error) {
	for {
		c.injectAborts()
		if c.rest != nil {
			n := c.readRest(p)
			c.bound(nil)
			return n, nil
		}
		n, err := c.Conn.Read(p)
		if c.aborts.woke(c.Conn, err) {
			if err = nil; n == 0 {
				continue
			}
		}
		if n = c.cut(p[:n]); c.rest != nil {
			err = nil // the next read fails again when the kept bytes are consumed
		}
		c.bound(err)
		return n, err
	}
}

// bound runs the timer while a block of headers is incomplete, until a read fails with err.
func (c *Conn) bound(err error) {
	partial := err == nil && c.in.partial()
	if partial == c.running {
		return
	}
	c.running = partial
	switch {
	case !partial:
		c.timer.Stop()
	case c.timer == nil:
		c.timer = time.AfterFunc(c.timeout, func() { _ = c.Conn.Close() })
	default:
		c.timer.Reset(c.timeout)
	}
}

// cut follows the frames in p, keeps the bytes after headers that open a stream for later, and
// returns the number of bytes before.
func (c *Conn) cut(p []byte) int {
	n := c.follow(p)
	if n < len(p) {
		c.rest, c.from = mem.DefaultBufferPool().Get(len(p)-n), 0
		copy(*c.rest, p[n:])
	}
	return n
}

// readRest copies as many kept bytes to p as fit and may be returned.
func (c *Conn) readRest(p []byte) int {
	rest := (*c.rest)[c.from:]
	n := c.follow(rest[:min(len(p), len(rest))])
	copy(p, rest[:n])
	c.from += n
	if c.from == len(*c.rest) {
		mem.DefaultBufferPool().Put(c.rest)
		c.rest = nil
	}
	return n
}

// follow follows what the client has sent, up to headers that open a stream, and returns the number
// of bytes.
func (c *Conn) follow(p []byte) (read int) {
	for read < len(p) {
		n, what := c.in.follow(p[read:])
		read += n
		switch what {
		case opened:
			c.streams.Opened(c.in.stream())
			return read
		case reset:
			c.streams.Reset(c.in.stream())
		}
	}
	return read
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	if c.in.foreign {
		return c.Conn.Write(p)
	}
	p = c.followOut(p)
	c.streams.Writing()
	n, err := c.Conn.Write(p)
	if err != nil {
		return n, err // grpc closes the connection
	}
	c.streams.Written(c.answered, c.reset)
	return n, nil
}

// followOut records which streams the frames in p end, and returns what to write instead of p.
func (c *Conn) followOut(p []byte) []byte {
	c.answered, c.reset = c.answered[:0], c.reset[:0]
	for read := 0; read < len(p); {
		n, ended := c.out.next(p[read:])
		read += n
		switch {
		case !ended:
		case c.out.kind() == frameReset:
			c.reset = append(c.reset, c.out.stream())
			p = c.aborts.relabel(p, read, c.out.stream())
			c.followed.end(c.out.stream())
		case c.out.endsStream():
			c.answered = append(c.answered, c.out.stream())
			c.followed.end(c.out.stream())
		case c.out.kind() == frameData:
			c.followed.note(c.out.stream())
		}
	}
	return p
}

// Package h2conn bounds how long the peer of an HTTP/2 connection may take to send a block of headers.
package h2conn

import (
	"net"
	"syscall"
	"time"
)

// Conn is the server's end of a connection. A block of headers of which only a part has come is the connection's end when its time is
// up; grpc waits for the rest for as long as the connection lives, and holds up its shutdown. What is not HTTP/2 passes as it is.
//
// As with every [net.Conn], one goroutine reads at a time.
type Conn struct {
	net.Conn
	timeout time.Duration
	frames  frames
	late    bool // a read deadline is set
}

// New returns conn with a bound on the time for a block of headers.
func New(conn net.Conn, timeout time.Duration) *Conn {
	return &Conn{Conn: conn, timeout: timeout}
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.frames.next(p[:n])
	if partial := c.frames.partial(); partial != c.late {
		c.late = partial
		var deadline time.Time
		if partial {
			deadline = time.Now().Add(c.timeout)
		}
		if failed := c.Conn.SetReadDeadline(deadline); err == nil {
			err = failed
		}
	}
	return n, err
}

// SyscallConn implements syscall.Conn as far as the connection does.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	if conn, ok := c.Conn.(syscall.Conn); ok {
		return conn.SyscallConn()
	}
	return nil, syscall.EINVAL
}

// NetConn returns the connection itself.
func (c *Conn) NetConn() net.Conn { return c.Conn }

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Frames of headers, and the flag of the last one of a block (RFC 9113, sections 6.2 and 6.10).
const (
	frameHeaders      = 0x1
	frameContinuation = 0x9
	flagEndHeaders    = 0x4
	headerSize        = 9
)

// frames follows the frames that a client sends.
type frames struct {
	seen    int // bytes of the preface
	foreign bool
	header  [headerSize]byte
	have    int    // bytes of the frame's header
	left    uint32 // bytes of its payload that are to come
	block   bool   // within a block of headers
}

// next takes what comes next.
func (f *frames) next(p []byte) {
	for len(p) > 0 && !f.foreign {
		switch {
		case f.seen < len(preface):
			f.foreign = p[0] != preface[f.seen]
			f.seen++
			p = p[1:]
		case f.have < headerSize:
			n := copy(f.header[f.have:], p)
			f.have += n
			p = p[n:]
			if f.have == headerSize {
				f.open()
			}
		default:
			n := min(int(f.left), len(p))
			f.left -= uint32(n)
			p = p[n:]
		}
		if f.have == headerSize && f.left == 0 {
			f.close()
		}
	}
}

// open starts a frame whose header is complete.
func (f *frames) open() {
	f.left = uint32(f.header[0])<<16 | uint32(f.header[1])<<8 | uint32(f.header[2])
	f.block = f.block || f.header[3] == frameHeaders
}

// close ends a frame.
func (f *frames) close() {
	isHeaders := f.header[3] == frameHeaders || f.header[3] == frameContinuation
	if isHeaders && f.header[4]&flagEndHeaders != 0 {
		f.block = false
	}
	f.have = 0
}

// partial reports whether a block of headers, or the header of a frame, has begun and is not complete.
func (f *frames) partial() bool {
	return !f.foreign && f.seen == len(preface) && (f.block || f.have > 0 && f.have < headerSize)
}

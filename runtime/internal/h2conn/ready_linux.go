package h2conn

import (
	"io"
	"net"
	"syscall"

	"google.golang.org/grpc/mem"
)

// ready reads a socket without holding a buffer while no data is available, as grpc does with
// sockets of known types. Idle connections then use 32 KiB less.
type ready struct {
	raw syscall.RawConn // nil if the connection is not a socket
	try func(fd uintptr) bool

	size int
	pool mem.BufferPool
	buf  *[]byte
	n    int
	err  error
}

// init prepares reading from conn, if it is a socket.
func (r *ready) init(conn net.Conn) {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return
	}
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return
	}
	r.raw, r.try = raw, r.tryRead
}

// tryRead reads available data. It returns false if there is none.
func (r *ready) tryRead(fd uintptr) bool {
	r.buf = r.pool.Get(r.size)
	for {
		if r.n, r.err = syscall.Read(int(fd), *r.buf); r.err != syscall.EINTR {
			break
		}
	}
	if r.err == nil {
		return true
	}
	r.pool.Put(r.buf)
	r.buf = nil
	return r.err != syscall.EAGAIN
}

// read returns a buffer of pool with available data.
func (r *ready) read(size int, pool mem.BufferPool) (*[]byte, int, error) {
	r.size, r.pool, r.buf, r.n, r.err = size, pool, nil, 0, nil
	err := r.raw.Read(r.try)
	buf, n := r.buf, r.n
	r.buf, r.pool = nil, nil
	switch {
	case err == nil && r.err == nil && n > 0:
		return buf, n, nil
	case err == nil && r.err == nil:
		err = io.EOF
	case err == nil:
		err = r.err
	}
	if buf != nil {
		pool.Put(buf)
	}
	return nil, 0, err
}

// ReadOnReady implements an interface of grpc for reading without holding a buffer for each
// connection.
func (c *Conn) ReadOnReady(size int, pool mem.BufferPool) (*[]byte, int, error) {
	if c.ready.raw == nil || c.rest != nil || c.aborts.pending.Load() {
		buf := pool.Get(size)
		n, err := c.Read(*buf)
		if err != nil {
			pool.Put(buf)
			return nil, 0, err
		}
		return buf, n, nil
	}
	buf, n, err := c.ready.read(size, pool)
	if c.aborts.woke(c.Conn, err) {
		return c.ReadOnReady(size, pool)
	}
	if err == nil {
		n = c.cut((*buf)[:n])
	}
	c.bound(err)
	return buf, n, err
}

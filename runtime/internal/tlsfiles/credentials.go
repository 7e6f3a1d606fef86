package tlsfiles

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"syscall"
	"time"

	"google.golang.org/grpc/credentials"
)

// ClientHandshake implements [credentials.TransportCredentials].
func (f *Files) ClientHandshake(
	ctx context.Context, authority string, raw net.Conn,
) (net.Conn, credentials.AuthInfo, error) {
	return f.latest().creds.ClientHandshake(ctx, authority, raw)
}

// ServerHandshake implements [credentials.TransportCredentials]. A client that is rejected can read
// the reason.
func (f *Files) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	held := &heldConn{Conn: raw, held: true}
	conn, info, err := f.latest().creds.ServerHandshake(held)
	if err == nil {
		held.held = false
		return conn, info, nil
	}
	if !isBroken(err) {
		f.logFailed(raw.RemoteAddr(), err)
		linger(raw)
	}
	return nil, nil, err
}

// isBroken reports whether a handshake failed because the connection did: a probe that only opens
// connections, or a client that is gone. An alert of the client is no such error.
func isBroken(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" { // so crypto/tls calls an alert
		return false
	}
	var broken net.Error
	return err == io.EOF || errors.As(err, &broken)
}

// Info implements [credentials.TransportCredentials].
func (f *Files) Info() credentials.ProtocolInfo { return f.latest().creds.Info() }

// Clone implements [credentials.TransportCredentials].
func (f *Files) Clone() credentials.TransportCredentials { return f }

// OverrideServerName implements [credentials.TransportCredentials].
func (f *Files) OverrideServerName(string) error {
	return errors.New("the server's name is fixed; use client.WithServerName")
}

// heldConn is a connection that its handshake cannot close.
type heldConn struct {
	net.Conn
	held bool // used by the handshake's goroutine until it ends
}

// Close implements net.Conn.
func (c *heldConn) Close() error {
	if c.held {
		return nil
	}
	return c.Conn.Close()
}

// SyscallConn implements syscall.Conn as far as the connection does.
func (c *heldConn) SyscallConn() (syscall.RawConn, error) {
	if conn, ok := c.Conn.(syscall.Conn); ok {
		return conn.SyscallConn()
	}
	return nil, syscall.EINVAL
}

// Limits of what a server reads from a client that it has rejected.
const (
	lingerTime  = time.Second
	lingerBytes = 64 << 10
)

// linger lets a client read the alert that rejects it. A client of TLS 1.3 has finished its part of
// the handshake when the server verifies its certificate, and sends. If the server closed the
// connection without reading that, the kernel would reset it, and the client would lose the alert.
func linger(raw net.Conn) {
	for {
		wrapped, ok := raw.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		raw = wrapped.NetConn()
	}
	half, ok := raw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || raw.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, raw, lingerBytes) // ends with an error in any case
}

// failedInterval is the shortest time between two records of handshakes that failed.
const failedInterval = 10 * time.Second

// logFailed logs why a handshake failed. The error has no certificates.
func (f *Files) logFailed(peer net.Addr, err error) {
	f.mu.Lock()
	if now := f.now(); now.Sub(f.failed.at) >= failedInterval {
		skipped := f.failed.skipped
		f.failed.at, f.failed.skipped = now, 0
		f.mu.Unlock()
		f.log(slog.LevelInfo, "TLS handshake failed", slog.String("peer", peer.String()),
			slog.Any("error", err), slog.Int("not_logged", skipped))
		return
	}
	f.failed.skipped++
	f.mu.Unlock()
}

// failed are the handshakes that failed.
type failed struct {
	at      time.Time // of the last record
	skipped int       // since then
}

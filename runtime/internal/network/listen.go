package network

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// Listen listens on an address that [Of] reads. The socket of a process that was killed is
// replaced.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	kind, at, err := Of(addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", addr, err)
	}
	lis, err := new(net.ListenConfig).Listen(ctx, kind, at)
	if kind == "unix" && errors.Is(err, syscall.EADDRINUSE) && isAbandoned(ctx, at) {
		if err = os.Remove(at); err == nil || errors.Is(err, fs.ErrNotExist) {
			lis, err = new(net.ListenConfig).Listen(ctx, kind, at)
		}
	}
	return lis, err
}

// isAbandoned reports whether path is a socket without a listener: its process ended without
// removing it.
func isAbandoned(ctx context.Context, path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return false
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close()
		return false
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

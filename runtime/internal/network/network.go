// Package network reads the addresses that servers listen on and clients dial, and listens.
package network

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// Of returns what [net.Listen] takes for an address: "host:port", or a Unix socket as clients
// spell it.
func Of(addr string) (network, at string, err error) {
	if name, ok := strings.CutPrefix(addr, "unix-abstract:"); ok {
		if name == "" {
			return "", "", errNoSocket
		}
		return "unix", "@" + name, nil
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		path, err := socketPath(path)
		return "unix", path, err
	}
	if scheme, _, ok := strings.Cut(addr, "://"); ok {
		return "", "", fmt.Errorf(`a server does not listen on %s://; write "host:port", ":port" or "unix:///path"`, scheme)
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return "", "", errors.New(`it has no port, or an IPv6 address without brackets; write "host:port", ":port" or "unix:///path"`)
	}
	return "tcp", addr, nil
}

// errNoSocket is the error of an address that names no Unix socket.
var errNoSocket = errors.New(`it names no socket; write "unix:path" or "unix:///absolute/path"`)

// socketPath returns the path of a Unix socket from what follows "unix:", which is "path" or
// "///absolute/path".
func socketPath(rest string) (string, error) {
	path, absolute := strings.CutPrefix(rest, "//")
	switch {
	case path == "":
		return "", errNoSocket
	case absolute && path[0] != '/':
		return "", fmt.Errorf(`after "unix://" the path must begin with a slash; write "unix:///%s" or "unix:%s"`, path, path)
	case strings.ContainsRune(path, 0):
		return "", errors.New("a path holds no zero byte")
	}
	return path, nil
}

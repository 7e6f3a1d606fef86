//go:build !linux

package h2conn

import "net"

// ready is for systems on which reading always holds a buffer.
type ready struct{}

func (*ready) init(net.Conn) {}

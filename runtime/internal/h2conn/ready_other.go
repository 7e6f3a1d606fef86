//go:build !linux

package h2conn

import "net"

// ready is for systems where reading holds a buffer anyway.
type ready struct{}

func (*ready) init(net.Conn) {}

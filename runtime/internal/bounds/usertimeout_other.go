//go:build !linux

package bounds

import "net"

func setUserTimeout(net.Conn) {}

package bounds

import (
	"net"
	"syscall"
	"time"
)

// userTimeout is how long data may go unacknowledged before the kernel closes a connection. grpc
// sets the same value on sockets that it recognizes (gRFC A18).
const userTimeout = 20 * time.Second

const tcpUserTimeout = 0x12 // TCP_USER_TIMEOUT of linux/tcp.h

// setUserTimeout sets the timeout if conn is a TCP socket. If it cannot, keepalive still finds dead
// connections, but later.
func setUserTimeout(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(userTimeout.Milliseconds()))
	})
}

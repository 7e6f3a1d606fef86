package bounds

import (
	"net"
	"runtime"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// Credentials returns creds, or plain-text credentials if creds is nil, for connections whose
// frames are followed. Connections that do not come from [Bounds.Listener] count from their
// handshake on. If there are too many, Credentials closes them before the handshake.
func (b *Bounds) Credentials(creds credentials.TransportCredentials) credentials.TransportCredentials {
	if creds == nil {
		creds = plain{insecure.NewCredentials()}
	}
	return following{creds, b}
}

// plain are credentials without security. Like those of a server without credentials, their
// connections have no AuthInfo.
type plain struct {
	credentials.TransportCredentials
}

func (plain) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return raw, nil, nil
}

func (p plain) Clone() credentials.TransportCredentials { return p }

// following are credentials whose connections are followed.
type following struct {
	credentials.TransportCredentials
	bounds *Bounds
}

func (f following) Clone() credentials.TransportCredentials {
	return following{f.TransportCredentials.Clone(), f.bounds}
}

func (f following) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if bound, ok := raw.(*boundConn); ok {
		if err := f.bounds.identify(bound); err != nil {
			return nil, nil, err // grpc closes raw
		}
		return f.handshake(bound, bound)
	}
	bound, ok := f.bounds.accept(raw)
	if !ok {
		return nil, nil, errTooMany
	}
	err := f.bounds.identify(bound)
	if err != nil {
		bound.use.close()
		return nil, nil, err
	}
	conn, info, err := f.handshake(raw, bound)
	if err != nil {
		bound.use.close()
		return nil, nil, err
	}
	// If grpc fails right after the handshake, it closes raw and not the returned connection.
	runtime.AddCleanup(conn, (*Conn).close, bound.use)
	return conn, info, nil
}

// handshake secures raw, which is a bound connection or becomes one, and returns a connection that
// counts for the same use.
func (f following) handshake(raw net.Conn, bound *boundConn) (*boundConn, credentials.AuthInfo, error) {
	secured, info, err := f.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		f.bounds.counts.failed.Add(1)
		return nil, nil, err // grpc closes raw
	}
	bound.use.closeAfter(secured, info)
	if secured == raw {
		return bound, info, nil
	}
	return f.bounds.follow(secured, bound.use), info, nil
}

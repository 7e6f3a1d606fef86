package connpool

import (
	"context"
	"encoding/binary"
	"math"
	"net"

	"google.golang.org/grpc/credentials"
)

// Credentials returns credentials that do as creds do, and read how many concurrent streams the
// server grants to each connection. grpc does not expose it.
func Credentials(creds credentials.TransportCredentials) credentials.TransportCredentials {
	return transportCredentials{creds}
}

type transportCredentials struct {
	credentials.TransportCredentials
}

// ClientHandshake implements [credentials.TransportCredentials].
func (t transportCredentials) ClientHandshake(
	ctx context.Context, authority string, raw net.Conn,
) (net.Conn, credentials.AuthInfo, error) {
	nc, info, err := t.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		return nc, info, err
	}
	c, ok := credentials.ClientHandshakeInfoFromContext(ctx).Attributes.Value(connKey{}).(*conn)
	if !ok {
		return nc, info, nil
	}
	return &settingsConn{Conn: nc, report: c.setLimit}, info, nil
}

// Clone implements [credentials.TransportCredentials].
func (t transportCredentials) Clone() credentials.TransportCredentials {
	return transportCredentials{t.TransportCredentials.Clone()}
}

// UsesXDS reports what grpc's balancers for xDS look for.
func (t transportCredentials) UsesXDS() bool {
	x, ok := t.TransportCredentials.(interface{ UsesXDS() bool })
	return ok && x.UsesXDS()
}

// Parts of HTTP/2 (RFC 9113, sections 4.1 and 6.5).
const (
	frameHeader          = 9
	settingsFrame        = 4
	setting              = 6 // bytes of each
	maxConcurrentStreams = 3
	maxFrame             = 16 << 10
)

// settingsConn reports the limit in the first frame that the server sends, which is SETTINGS. grpc
// applies it before the connection becomes READY. Servers rarely change it later; calls beyond a
// lowered limit are queued by grpc.
type settingsConn struct {
	net.Conn
	report func(limit uint32) // nil: reported
	head   []byte
}

// Read implements [net.Conn].
func (c *settingsConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.report != nil {
		c.head = append(c.head, b[:n]...)
		c.parse()
	}
	return n, err
}

// parse reports the limit when the first frame is complete.
func (c *settingsConn) parse() {
	if len(c.head) < frameHeader {
		return
	}
	length := int(c.head[0])<<16 | int(c.head[1])<<8 | int(c.head[2])
	if c.head[3] == settingsFrame && length <= maxFrame {
		if len(c.head) < frameHeader+length {
			return
		}
		c.report(limitOf(c.head[frameHeader : frameHeader+length]))
	}
	c.report, c.head = nil, nil
}

// limitOf returns the limit in the payload of SETTINGS. Without one, streams are unlimited.
func limitOf(payload []byte) uint32 {
	limit := uint32(math.MaxUint32)
	for ; len(payload) >= setting; payload = payload[setting:] {
		if binary.BigEndian.Uint16(payload) == maxConcurrentStreams {
			limit = binary.BigEndian.Uint32(payload[2:])
		}
	}
	return limit
}

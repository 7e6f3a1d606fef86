package bounds

import (
	"net"
	"time"

	"google.golang.org/grpc/credentials"
)

// closeAfter closes conn when the verified certificate of the client has expired. Until it
// connects again, a client cannot present the certificate that it has renewed.
func (c *Conn) closeAfter(conn net.Conn, info credentials.AuthInfo) {
	tls, ok := info.(credentials.TLSInfo)
	if !ok || len(tls.State.VerifiedChains) == 0 {
		return
	}
	expires := tls.State.PeerCertificates[0].NotAfter.Add(time.Second) // it is valid in that second
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed.Load() {
		c.expiry = time.AfterFunc(time.Until(expires), func() { _ = conn.Close() })
	}
}

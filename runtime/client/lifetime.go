package client

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/keepalive"
)

// When connections to servers are checked, closed and opened again.
const (
	// KeepaliveTime is how long a connection with calls may be silent before the client pings to
	// detect a lost peer. It is well above the interval below which servers close a connection.
	KeepaliveTime = time.Minute
	// KeepaliveTimeout is how long the client waits for the response to its ping.
	KeepaliveTimeout = 20 * time.Second
	// MinKeepaliveTime is the minimum of [WithKeepalive], which grpc sets.
	MinKeepaliveTime = 10 * time.Second
	// IdleTimeout is how long there may be no calls before the client disconnects.
	IdleTimeout = 30 * time.Minute
	// ReconnectBackoff is the wait before the second attempt to connect to a server.
	ReconnectBackoff = time.Second
	// MaxReconnectBackoff is the longest wait between two attempts. It is less than grpc's two
	// minutes, so that a server that is back gets calls again soon, within the deadline of calls
	// that wait for it. An attempt costs a few packets.
	MaxReconnectBackoff = 10 * time.Second
)

// keepaliveSettings are the times of [WithKeepalive], connectSettings those of
// [WithReconnectBackoff]; 0 means the default.
type (
	keepaliveSettings struct{ silence, timeout time.Duration }
	connectSettings   struct{ base, longest time.Duration }
)

// WithKeepalive sets how long a connection with calls may be silent before the client pings, and
// how long it waits for the response, instead of [KeepaliveTime] and [KeepaliveTimeout]. Without a
// response it closes the connection, and the calls on it fail with UNAVAILABLE. So the loss of a
// server whose machine or network fails without closing the connection is found after the sum of
// both; after the timeout alone if the connection was silent before the call.
//
// The minimum of silence is [MinKeepaliveTime]. A server closes connections that ping more often
// than it permits: those of package server permit a ping every 5 seconds, a stock grpc-go server one
// every 5 minutes. Between calls there are no pings: they would keep devices awake, and other
// servers reject them.
func WithKeepalive(silence, timeout time.Duration) Option {
	return func(c *settings) {
		if silence < MinKeepaliveTime || timeout <= 0 {
			c.fail("WithKeepalive(%v, %v): pass at least %v of silence, and a timeout above 0",
				silence, timeout, MinKeepaliveTime)
			return
		}
		c.keepalive = keepaliveSettings{silence, timeout}
	}
}

// WithIdleTimeout sets how long there may be no calls before the client closes its connections and
// its resolver, instead of [IdleTimeout]; 0 means never. The next call opens them again, which
// takes it a few round trips. A stream counts as a call for as long as it is open; the watch of
// [WithHealthChecks] does not.
func WithIdleTimeout(timeout time.Duration) Option {
	return func(c *settings) {
		if timeout < 0 {
			c.fail("WithIdleTimeout(%v): pass a time above 0, or 0 to stay connected", timeout)
			return
		}
		c.idle = &timeout
	}
}

// WithReconnectBackoff sets how long the client waits before it connects again to a server that it
// could not connect to: base after the first attempt, 1.6 times as long after each further one,
// and longest at most. The defaults are [ReconnectBackoff] and [MaxReconnectBackoff]. Waits differ
// by up to a fifth at random, so that the clients of a server that is back do not all connect at
// once. The other servers of a target receive the calls meanwhile.
//
// An attempt takes up to 20 seconds, which these waits include. After a connection that worked,
// the first attempt is made at once.
func WithReconnectBackoff(base, longest time.Duration) Option {
	return func(c *settings) {
		if base <= 0 || longest < base {
			c.fail("WithReconnectBackoff(%v, %v): pass a time above 0, and one that is not shorter",
				base, longest)
			return
		}
		c.connect = connectSettings{base, longest}
	}
}

func (c *settings) keepaliveParams() grpc.DialOption {
	params := keepalive.ClientParameters{Time: KeepaliveTime, Timeout: KeepaliveTimeout}
	if c.keepalive != (keepaliveSettings{}) {
		params.Time, params.Timeout = c.keepalive.silence, c.keepalive.timeout
	}
	return grpc.WithKeepaliveParams(params)
}

func (c *settings) connectParams() grpc.DialOption {
	params := grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: 20 * time.Second}
	params.Backoff.BaseDelay, params.Backoff.MaxDelay = ReconnectBackoff, MaxReconnectBackoff
	if c.connect != (connectSettings{}) {
		params.Backoff.BaseDelay, params.Backoff.MaxDelay = c.connect.base, c.connect.longest
	}
	return grpc.WithConnectParams(params)
}

func (c *settings) idleTimeout() grpc.DialOption {
	if c.idle != nil {
		return grpc.WithIdleTimeout(*c.idle)
	}
	return grpc.WithIdleTimeout(IdleTimeout)
}

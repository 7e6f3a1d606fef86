package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/tap"

	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/internal/rejection"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// capacity bounds how many calls and connections a server has at a time.
type capacity struct {
	*bounds.Bounds
	*settings
	serverFull *rejection.Errors
	peerFull   *rejection.Errors
	records    *report.Throttle // of closed connections
}

func newCapacity(s *settings, unhandled func(*bounds.Arrival)) *capacity {
	c := &capacity{
		settings:   s,
		serverFull: overloadErrors("the server has too many calls; try again later"),
		peerFull: &rejection.Errors{Make: func(wait time.Duration) error {
			return rpcerr.ReasonTooManyCalls.
				Errorf(codes.ResourceExhausted, "the peer has too many calls at a time; wait for some of them to finish").
				WithRetryAfter(wait).WithQuota("peer", fmt.Sprintf("%d calls at a time", s.limits.CallsPerPeer)).Fixed()
		}},
		records: report.NewThrottle(closedRecordInterval),
	}
	c.Bounds = bounds.New(s.limits, ConnectionTimeout, c.logFull, unhandled)
	c.ExpectHeaders(s.framing, c.logNoHeader)
	return c
}

// healthCheck is the method that liveness probes call. Its bound is higher than that of others:
// restarting a server because it is busy makes an overload worse.
const healthCheck = "/" + healthServiceName + "/Check"

// tapHandle counts calls when their headers arrive, and allocates them.
func (c *capacity) tapHandle(ctx context.Context, info *tap.Info) (context.Context, error) {
	addr := peerAddr(ctx)
	conn := c.Conn(addr)
	if conn == nil {
		return ctx, nil
	}
	call := new(callContext)
	call.call.start = time.Now()
	a := &call.own
	a.Context, a.Method, a.Header, a.Room = ctx, info.FullMethodName, info.Header, call
	a.Client = c.clientAddr(addr, valuesIn(info.Header))
	conn.Tap(a, info.FullMethodName == healthCheck)
	return a, nil
}

// callOn returns the call that was allocated with its arrival, once, and otherwise a new one: an
// interceptor may call a method several times.
func callOn(a *bounds.Arrival) *callContext {
	if a != nil {
		if c, ok := a.Room.(*callContext); ok && c.begun.CompareAndSwap(false, true) {
			return c
		}
	}
	return new(callContext)
}

// closedRecordInterval is the shortest interval between two records of closed connections.
const closedRecordInterval = 10 * time.Second

// logFull logs that a connection was closed because there are too many.
func (c *capacity) logFull(addr net.Addr, why bounds.Verdict) {
	limits := c.Limits()
	reason := fmt.Sprintf("the server has %d connections; see WithMaxConnections", limits.Connections)
	if why == bounds.PeerFull {
		reason = fmt.Sprintf("the peer has %d connections; see WithMaxConnectionsPerPeer", limits.ConnectionsPerPeer)
	}
	c.logClosed(addr, reason)
}

// logNoHeader logs that a connection from a proxy was closed because it has no valid header.
func (c *capacity) logNoHeader(proxy net.Addr, err error) {
	c.logClosed(proxy, fmt.Sprintf("%v; see WithProxyProtocol", err))
}

// logClosed logs that a connection was closed, at most once in [closedRecordInterval].
func (c *capacity) logClosed(addr net.Addr, reason string) {
	due, skipped := c.records.Next()
	if !due {
		return
	}
	report.Log(func() { // in the goroutine that accepts connections
		c.logger.Warn("connection closed", slog.String("reason", reason), slog.String("peer", addr.String()),
			slog.Int("not_logged", skipped))
	})
}

// overloadErrors returns the errors of calls that are rejected because too many are running.
func overloadErrors(message string) *rejection.Errors {
	return &rejection.Errors{Make: func(wait time.Duration) error {
		return rpcerr.ReasonOverloaded.Errorf(codes.Unavailable, "%s", message).WithRetryAfter(wait).Fixed()
	}}
}

// overloadWait is how long a caller that was rejected because of overload should wait before it
// retries.
const overloadWait = 100 * time.Millisecond

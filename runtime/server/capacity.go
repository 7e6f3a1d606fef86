package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/tap"

	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/internal/refusal"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
	"github.com/grpcservice/grpcservice/runtime/limit"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// admission bounds how many calls and connections a server has at a time.
type admission struct {
	*bounds.Bounds
	logger      *slog.Logger
	serverFull  *refusal.Errors
	peerFull    *refusal.Errors
	records     *limit.Rate // of connections that were closed
	notRecorded atomic.Int64
}

func newAdmission(limits bounds.Limits, logger *slog.Logger, unhandled func(*bounds.Arrival)) *admission {
	a := &admission{
		logger:     logger,
		serverFull: overloadErrors("the server has too many calls; try again later"),
		peerFull: &refusal.Errors{Make: func(wait time.Duration) error {
			return rpcerr.ReasonTooManyCalls.
				Errorf(codes.ResourceExhausted, "the peer has too many calls at a time; wait for some of them to finish").
				WithRetryAfter(wait).WithQuota("peer", fmt.Sprintf("%d calls at a time", limits.CallsPerPeer)).Fixed()
		}},
		records: limit.NewRate(1/closedRecordInterval.Seconds(), 1),
	}
	a.Bounds = bounds.New(limits, ConnectionTimeout, a.logClosed, unhandled)
	return a
}

// healthCheck is the method that liveness probes call. It has a higher limit than others: a server
// that is restarted because it has much to do helps nobody.
const healthCheck = "/" + healthServiceName + "/Check"

// tapHandle counts calls when their headers arrive.
func (a *admission) tapHandle(ctx context.Context, info *tap.Info) (context.Context, error) {
	return a.Tap(ctx, peerAddr(ctx), info.FullMethodName, info.FullMethodName == healthCheck), nil
}

// closedRecordInterval is how often there is a record of closed connections, at most.
const closedRecordInterval = 10 * time.Second

// logClosed logs that a connection was closed, unless it has just logged another one.
func (a *admission) logClosed(addr net.Addr, why bounds.Verdict) {
	if a.records.Take(time.Now()) > 0 {
		a.notRecorded.Add(1)
		return
	}
	limits := a.Limits()
	reason := fmt.Sprintf("the server has %d connections; see WithMaxConnections", limits.Connections)
	if why == bounds.PeerFull {
		reason = fmt.Sprintf("the peer has %d connections; see WithMaxConnectionsPerPeer", limits.ConnectionsPerPeer)
	}
	report.Log(func() { // in the goroutine that accepts connections
		a.logger.Warn("connection closed", slog.String("reason", reason), slog.String("peer", addr.String()),
			slog.Int64("not_logged", a.notRecorded.Swap(0)))
	})
}

// overloadErrors returns the errors of calls that are rejected because too many others run.
func overloadErrors(message string) *refusal.Errors {
	return &refusal.Errors{Make: func(wait time.Duration) error {
		return rpcerr.ReasonOverloaded.Errorf(codes.Unavailable, "%s", message).WithRetryAfter(wait).Fixed()
	}}
}

// overloadWait is when the caller of a method that has too many calls should retry, at the earliest.
const overloadWait = 100 * time.Millisecond

package runtime

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// Names of the attributes that the runtime's log records share.
const (
	logMethod    = "method"
	logKind      = "kind"
	logRequestID = "request_id"
)

// accessLog writes the record of each call of one method.
type accessLog struct {
	name    string // "library.v1.BookService/GetBook"
	handler slog.Handler
	quiet   bool // successes are debug records: health probes
}

func newAccessLog(logger *slog.Logger, info MethodInfo) accessLog {
	name := info.FullMethod[1:]
	attrs := []slog.Attr{slog.String(logMethod, name), slog.String(logKind, info.Kind.String())}
	return accessLog{name: name, handler: logger.Handler().WithAttrs(attrs), quiet: info.Service == healthServiceName}
}

// write logs the call that ended with err, which the caller got, because of cause, which only the log gets. It returns false
// where the log does not want the record.
func (l *accessLog) write(c *callContext, err, cause error) bool {
	code := status.Code(err)
	level := logLevel(code)
	if l.quiet && level == slog.LevelInfo {
		level = slog.LevelDebug
	}
	if !l.handler.Enabled(c, level) {
		return false
	}
	now := time.Now()
	record := slog.NewRecord(now, level, "rpc", 0)
	record.AddAttrs(
		slog.String("code", code.String()),
		slog.Duration("duration", now.Sub(c.call.start)),
		slog.String(logRequestID, c.call.RequestID()),
		slog.String("peer", peerOf(c)),
	)
	if cause != nil {
		record.AddAttrs(slog.String("error", fmt.Sprint(cause))) // fmt survives an error that is a nil pointer
	}
	_ = l.handler.Handle(c, record) // a log that cannot be written has nowhere to say so
	return true
}

// peerOf returns the caller's address.
func peerOf(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		return p.Addr.String()
	}
	return ""
}

// logLevel tells the service's faults (error) and its distress (warning) from what callers do (info).
func logLevel(code codes.Code) slog.Level {
	switch code {
	case codes.Unknown, codes.Internal, codes.DataLoss:
		return slog.LevelError
	case codes.DeadlineExceeded, codes.Unavailable, codes.Aborted, codes.ResourceExhausted:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

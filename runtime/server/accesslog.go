package server

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
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
}

// records defines which records of successful calls are written.
type records struct {
	level  slog.Level
	sample float64 // the fraction that is logged
}

// recordsOf returns the records that a policy wants.
func recordsOf(log runtime.Log) records {
	r := records{log.Level, log.Sample}
	if r.sample == 0 {
		r.sample = 1
	}
	return r
}

func newAccessLog(logger *slog.Logger, info runtime.MethodInfo) accessLog {
	name := info.FullMethod[1:]
	attrs := []slog.Attr{slog.String(logMethod, name), slog.String(logKind, info.Kind.String())}
	return accessLog{name: name, handler: logger.Handler().WithAttrs(attrs)}
}

// write logs the outcome of a call. path is the path that the client sent for an unknown method, or
// "".
func (l *accessLog) write(c runningCall, wanted records, path string, outcome runtime.Outcome) {
	code := status.Code(outcome.Err)
	level := wanted.level
	if code != codes.OK {
		level = logLevel(code, outcome.Err)
	} else if wanted.sample < 1 && rand.Float64() >= wanted.sample {
		return
	}
	if !l.handler.Enabled(c, level) {
		return
	}
	record := slog.NewRecord(c.Start().Add(outcome.Duration), level, "rpc", 0)
	record.AddAttrs(
		slog.String("code", code.String()),
		slog.Duration("duration", outcome.Duration),
		slog.String(logRequestID, c.RequestID()),
		slog.String("peer", textOf(c.Peer())),
	)
	if client, ok := c.Peer().(*net.IPAddr); ok {
		if proxy := peerAddr(c); proxy != net.Addr(client) {
			record.AddAttrs(slog.String("proxy", textOf(proxy)))
		}
	}
	if path != "" {
		record.AddAttrs(slog.String("path", path))
	}
	if p := c.Principal(); p != nil {
		record.AddAttrs(slog.String("principal", p.ID))
	}
	if outcome.Cause != nil {
		// fmt recovers the panic of an error that is a nil pointer.
		record.AddAttrs(slog.String("error", fmt.Sprint(outcome.Cause)))
	}
	_ = l.handler.Handle(c, record) // there is nowhere to report it
}

// logLevel returns the level of a call's record. A call that a shutdown ends is no fault.
func logLevel(code codes.Code, err error) slog.Level {
	if err == runtime.ErrDraining {
		return slog.LevelInfo
	}
	return report.Level(code)
}

func (c *settings) accessLogger() *slog.Logger {
	if c.without.accessLog {
		return slog.New(slog.DiscardHandler)
	}
	return c.logger
}

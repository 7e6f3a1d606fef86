package server

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/jsonlog"
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
	lines   *jsonlog.Lines // nil if only the handler can write them
}

// logMessage is the message of the records.
const logMessage = "rpc"

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
	handler := logger.Handler().WithAttrs(attrs)
	return accessLog{name, handler, jsonlog.LinesOf(handler, logMessage)}
}

// write logs the outcome of a call. path is the path that the client sent for an unknown method, or
// "".
func (l *accessLog) write(c *callContext, wanted records, path string, outcome runtime.Outcome) {
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
	if outcome.Duration == 0 { // nothing else needs it
		outcome.Duration = c.elapsed()
	}
	peer := c.Peer()
	attrs := append(make([]slog.Attr, 0, maxLogAttrs),
		slog.String("code", code.String()),
		slog.Duration("duration", outcome.Duration),
		slog.String(logRequestID, c.RequestID()),
		slog.String("peer", c.arrival.Text(peer, textOf)))
	if client, ok := peer.(*net.IPAddr); ok {
		if proxy := c.connAddr(); proxy != net.Addr(client) {
			attrs = append(attrs, slog.String("proxy", c.arrival.Text(proxy, textOf)))
		}
	}
	if path != "" {
		attrs = append(attrs, slog.String("path", path))
	}
	if p := c.Principal(); p != nil {
		attrs = append(attrs, slog.String("principal", p.ID))
	}
	if outcome.Cause != nil {
		// fmt recovers the panic of an error that is a nil pointer.
		attrs = append(attrs, slog.String("error", fmt.Sprint(outcome.Cause)))
	}
	end := c.Start().Add(outcome.Duration)
	if l.lines != nil && l.lines.Write(c, end, level, attrs) {
		return
	}
	record := slog.NewRecord(end, level, logMessage, 0)
	record.AddAttrs(attrs...)
	_ = l.handler.Handle(c, record) // there is nowhere to report it
}

// maxLogAttrs is how many attributes a record has at most.
const maxLogAttrs = 8

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

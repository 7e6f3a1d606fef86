package service

import (
	"context"
	"log/slog"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

// Lines is the latest part of the shop's log.
type Lines = eventlog.Log[shopv1.LogEntry]

// LogService serves the shop's log. It implements [shopv1service.LogService].
type LogService struct {
	lines *Lines
}

// NewLogService returns a LogService of lines, which [KeepLines] appends.
func NewLogService(lines *Lines) *LogService { return &LogService{lines} }

// TailLogs streams the last lines of the log, and then those that are written.
func (s *LogService) TailLogs(ctx context.Context, req *shopv1.TailRequest) runtime.Stream[shopv1.LogEntry] {
	return shopv1service.LogServiceTailLogs.Serve(ctx, req, s.lines, subscription.WithFilter(func(entry *shopv1.LogEntry) bool {
		return req.GetServiceName() == "" || req.GetServiceName() == entry.GetServiceName()
	}))
}

// KeepLines returns a handler that passes records to next and also appends them to lines.
func KeepLines(lines *Lines, next slog.Handler) slog.Handler {
	return &keeper{Handler: next, lines: lines}
}

// keeper appends the records of a log to lines.
type keeper struct {
	slog.Handler
	lines  *Lines
	prefix string // prefix of attributes: the open groups
	attrs  string // the attributes of WithAttrs, as text
	method string
}

// Handle implements slog.Handler.
func (k *keeper) Handle(ctx context.Context, record slog.Record) error {
	line := *k
	record.Attrs(func(attr slog.Attr) bool {
		line.add(attr)
		return true
	})
	service, _, _ := strings.Cut(line.method, "/")
	entry := &shopv1.LogEntry{
		Timestamp: timestamppb.New(record.Time), Level: record.Level.String(), ServiceName: service, Message: record.Message + line.attrs,
	}
	if _, err := k.lines.Append(context.WithoutCancel(ctx), entry); err != nil {
		return err
	}
	return k.Handler.Handle(ctx, record)
}

// add appends an attribute to the text.
func (k *keeper) add(attr slog.Attr) {
	if attr.Key == "method" && k.prefix == "" {
		k.method = attr.Value.String()
	}
	k.attrs += " " + k.prefix + attr.String()
}

// WithAttrs implements slog.Handler.
func (k *keeper) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *k
	with.Handler = k.Handler.WithAttrs(attrs)
	for _, attr := range attrs {
		with.add(attr)
	}
	return &with
}

// WithGroup implements slog.Handler.
func (k *keeper) WithGroup(name string) slog.Handler {
	with := *k
	with.Handler, with.prefix = k.Handler.WithGroup(name), k.prefix+name+"."
	return &with
}

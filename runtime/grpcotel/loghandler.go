package grpcotel

import (
	"context"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"github.com/grpcservice/grpcservice/runtime/internal/jsonlog"
)

// LogHandler returns a handler that adds trace_id and span_id to the records of h whose context
// has a span, sampled or not. They are at the top level of the record, whatever groups the logger
// has opened. Pass a logger with it to server.WithLogger, and the records of the access log and of
// runtime.Call.Logger have them, too, if they are written with the context of the call.
func LogHandler(h slog.Handler) slog.Handler { return &logHandler{root: h, plain: h} }

// logHandler keeps the groups to itself, because what is added to a handler with an open group
// becomes part of the group.
type logHandler struct {
	root   slog.Handler // without groups, with the attributes that come before them
	plain  slog.Handler // with all groups and attributes, for records without a span
	groups []logGroup   // the outermost first
}

// logGroup is an open group with its attributes.
type logGroup struct {
	name  string
	attrs []slog.Attr
}

// Enabled implements [slog.Handler].
func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.plain.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return h.plain.Handle(ctx, r)
	}
	r = h.nest(r)
	r.AddAttrs(spanAttrs(span)...)
	return h.root.Handle(ctx, r)
}

// spanAttrs returns the attributes of a span.
func spanAttrs(span trace.SpanContext) []slog.Attr {
	return []slog.Attr{slog.String(logTraceID, span.TraceID().String()),
		slog.String(logSpanID, span.SpanID().String())}
}

// Extends implements [jsonlog.Extending], so that the access log remains cheap.
func (h *logHandler) Extends() (slog.Handler, func(context.Context) []slog.Attr) {
	if len(h.groups) > 0 {
		return nil, nil
	}
	return h.root, func(ctx context.Context) []slog.Attr {
		if span := trace.SpanContextFromContext(ctx); span.IsValid() {
			return spanAttrs(span)
		}
		return nil
	}
}

var _ jsonlog.Extending = (*logHandler)(nil)

// nest returns a new record with the groups as attributes.
func (h *logHandler) nest(r slog.Record) slog.Record {
	if len(h.groups) == 0 {
		return r.Clone()
	}
	attrs := make([]slog.Attr, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	for _, g := range slices.Backward(h.groups) {
		attrs = []slog.Attr{{
			Key: g.name, Value: slog.GroupValue(append(slices.Clip(g.attrs), attrs...)...),
		}}
	}
	nested := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	nested.AddAttrs(attrs...)
	return nested
}

// WithAttrs implements [slog.Handler].
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	with := &logHandler{root: h.root, plain: h.plain.WithAttrs(attrs), groups: h.groups}
	if len(h.groups) == 0 {
		with.root = with.plain
		return with
	}
	with.groups = slices.Clone(h.groups)
	last := &with.groups[len(with.groups)-1]
	last.attrs = append(slices.Clip(last.attrs), attrs...)
	return with
}

// WithGroup implements [slog.Handler].
func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &logHandler{
		root: h.root, plain: h.plain.WithGroup(name),
		groups: append(slices.Clip(h.groups), logGroup{name: name}),
	}
}

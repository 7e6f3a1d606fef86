// Package jsonlog writes log records as slog's JSON handler does, and faster if their attributes
// are known in advance.
package jsonlog

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Handler is a [slog.JSONHandler] whose [Lines] share its writer.
type Handler struct {
	slog.Handler
	out  *output
	opts *slog.HandlerOptions
	with []with // in their order
}

// with is a call of WithAttrs or WithGroup.
type with func(slog.Handler) slog.Handler

// output writes one record at a time.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}

// New returns a handler with the options of [slog.NewJSONHandler].
func New(w io.Writer, opts *slog.HandlerOptions) *Handler {
	out := &output{w: w}
	return &Handler{Handler: slog.NewJSONHandler(out, opts), out: out, opts: opts}
}

// WithAttrs implements [slog.Handler].
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	attrs = slices.Clone(attrs) // probe needs them later
	return h.changed(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

// WithGroup implements [slog.Handler].
func (h *Handler) WithGroup(name string) slog.Handler {
	return h.changed(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h *Handler) changed(by with) *Handler {
	return &Handler{by(h.Handler), h.out, h.opts, append(slices.Clip(h.with), by)}
}

// Lines are the records of one message, written to one handler. What does not change is encoded
// once. It may be used concurrently.
type Lines struct {
	out    *output
	extend func(context.Context) []slog.Attr // or nil
	// The text before the time, between the time and the level, between the level and the first
	// attribute, and after the last attribute.
	start, level, attrs, end []byte
}

// The values of the record that shows what a handler writes around them.
var (
	probeTime  = time.Date(1987, 6, 5, 4, 3, 2, 123456789, time.UTC)
	probeLevel = slog.Level(7654321)
)

const (
	probeKey   = "l6Zr0vR1Yq"
	probeValue = "w3Jx8TnK2c"
)

// Extending is a handler that passes on the records that it receives, with attributes of the
// context.
type Extending interface {
	slog.Handler
	// Extends returns the handler that receives the records, and the attributes that are added at
	// their end; a nil handler if records change otherwise.
	Extends() (to slog.Handler, attrs func(context.Context) []slog.Attr)
}

// LinesOf returns the lines of a message of handler, which may extend another. It returns nil if
// that is no [Handler] or writes something that only slog can.
func LinesOf(handler slog.Handler, msg string) *Lines {
	var extend func(context.Context) []slog.Attr
	if e, ok := handler.(Extending); ok {
		handler, extend = e.Extends()
	}
	h, ok := handler.(*Handler)
	if !ok || h.opts != nil && h.opts.ReplaceAttr != nil {
		return nil
	}
	record := slog.NewRecord(probeTime, probeLevel, msg, 0)
	record.AddAttrs(slog.String(probeKey, probeValue))
	rest, err := h.probe(record)
	if err != nil {
		return nil
	}
	l := &Lines{out: h.out, extend: extend}
	for _, part := range []struct {
		before *[]byte
		value  string
	}{
		{&l.start, probeTime.Format(time.RFC3339Nano)},
		{&l.level, probeLevel.String()},
		{&l.attrs, strconv.Quote(probeKey) + ":" + strconv.Quote(probeValue)},
	} {
		before, after, found := bytes.Cut(rest, []byte(part.value))
		if !found || bytes.Contains(after, []byte(part.value)) {
			return nil
		}
		*part.before, rest = before, after
	}
	l.end = rest
	return l
}

// probe returns what the handler would write.
func (h *Handler) probe(record slog.Record) ([]byte, error) {
	var written bytes.Buffer
	var same slog.Handler = slog.NewJSONHandler(&written, h.opts)
	for _, with := range h.with {
		same = with(same)
	}
	err := same.Handle(context.Background(), record)
	return written.Bytes(), err
}

// maxLine is the size of the largest buffer that is kept, in bytes.
const maxLine = 16 << 10

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Write writes a record. It returns false, having written nothing, if only slog can write it:
// because there are no attributes, or because of the characters of a text, a kind of a value, or
// the year.
func (l *Lines) Write(
	ctx context.Context, at time.Time, level slog.Level, attrs []slog.Attr,
) bool {
	if year := at.Year(); len(attrs) == 0 || year < 0 || year > 9999 {
		return false
	}
	var more []slog.Attr
	if l.extend != nil {
		more = l.extend(ctx)
	}
	buf := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= maxLine {
			buffers.Put(buf)
		}
	}()
	line := append((*buf)[:0], l.start...)
	line = at.AppendFormat(line, time.RFC3339Nano)
	line = append(line, l.level...)
	line = append(line, level.String()...)
	line = append(line, l.attrs...)
	line, ok := appendAttrs(line, attrs)
	if ok && len(more) > 0 {
		line, ok = appendAttrs(append(line, ','), more)
	}
	if !ok {
		return false
	}
	line = append(line, l.end...)
	*buf = line
	_, _ = l.out.Write(line) // there is nowhere to report it
	return true
}

func appendAttrs(line []byte, attrs []slog.Attr) (_ []byte, ok bool) {
	for i := range attrs {
		if i > 0 {
			line = append(line, ',')
		}
		if line, ok = appendAttr(line, &attrs[i]); !ok {
			return line, false
		}
	}
	return line, true
}

func appendAttr(line []byte, attr *slog.Attr) ([]byte, bool) {
	line = append(line, '"')
	line = append(line, attr.Key...)
	line = append(line, '"', ':')
	switch attr.Value.Kind() {
	case slog.KindString:
		text := attr.Value.String()
		if !isPlain(text) {
			return line, false
		}
		line = append(line, '"')
		line = append(line, text...)
		return append(line, '"'), true
	case slog.KindDuration:
		return strconv.AppendInt(line, int64(attr.Value.Duration()), 10), true
	}
	return line, false
}

// isPlain reports whether a text is the same in JSON. It looks at eight bytes at a time.
func isPlain(text string) bool {
	for ; len(text) >= 8; text = text[8:] {
		x := uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
			uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
		if (x|below(x, ' ')|equal(x, '~'+1)|equal(x, '"')|equal(x, '\\'))&highBits != 0 {
			return false
		}
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

const (
	lowBits  = 0x0101010101010101 // of each byte
	highBits = 0x8080808080808080
)

// below returns a value with high bits if a byte of x is less than c, which is at most 128.
func below(x uint64, c byte) uint64 { return (x - lowBits*uint64(c)) &^ x }

// equal returns a value with high bits if a byte of x is c.
func equal(x uint64, c byte) uint64 { return below(x^lowBits*uint64(c), 1) }

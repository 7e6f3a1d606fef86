package servicetest

import (
	"math"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Limits of a filled message.
const (
	fillBudget = 256 << 10 // approximate size in bytes; well below the server's limit
	fillDepth  = 6         // nesting depth
	maxArms    = 32        // maximum number of messages that cover each arm of a oneof
)

// longText is a string that no user would type.
var longText = strings.Repeat("long ", 1<<10)

// style is one kind of extreme.
type style struct {
	int32  int32
	int64  int64
	uint32 uint32
	uint64 uint64
	float  float64
	text   string
	bytes  []byte
	bool   bool
}

// styles are the smallest, the largest and the oddest values.
var styles = [...]style{
	{int32: math.MinInt32, int64: math.MinInt64, float: -math.MaxFloat64, bytes: []byte{}},
	{math.MaxInt32, math.MaxInt64, math.MaxUint32, math.MaxUint64, math.Inf(1), longText, []byte(longText), true},
	{-1, -1, 1, 1, math.NaN(), "\x00\n\u202e../..'\";--%s{{.}}\U0001d54f", []byte{0, 0xff, 0xc3, 0x28}, true},
}

// filler fills messages in one style, with one arm of each oneof.
type filler struct {
	style, arm int
}

// fill sets the fields of m and gives each a share of budget.
func (f filler) fill(m protoreflect.Message, budget, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		share := budget / fields.Len()
		if !f.takes(fd) || share == 0 && fd.Cardinality() != protoreflect.Required {
			continue
		}
		switch {
		case fd.IsMap():
			f.fillMap(m, fd, share, depth)
		case fd.IsList():
			f.fillList(m.Mutable(fd).List(), fd, share, depth)
		case fd.Message() != nil:
			f.fillMessage(m.Mutable(fd).Message(), share, depth)
		default:
			m.Set(fd, f.scalar(fd, share))
		}
	}
}

// takes reports whether to set a field. It is false for the other arms of a oneof.
func (f filler) takes(fd protoreflect.FieldDescriptor) bool {
	if fd.Message() != nil && fd.Message().IsPlaceholder() {
		return false // its file is not linked in
	}
	oneof := fd.ContainingOneof()
	return oneof == nil || oneof.Fields().Get(f.arm%oneof.Fields().Len()) == fd
}

// fillMessage fills a nested message; the deepest stay empty.
func (f filler) fillMessage(m protoreflect.Message, budget, depth int) {
	if depth > 0 {
		f.fill(m, budget, depth-1)
	}
}

// fillList adds an element of each style, because one bad element must not hide the others.
func (f filler) fillList(list protoreflect.List, fd protoreflect.FieldDescriptor, budget, depth int) {
	for i := range styles {
		g, share := filler{style: f.style + i, arm: f.arm + i}, budget/len(styles)
		if fd.Message() != nil {
			g.fillMessage(list.AppendMutable().Message(), share, depth)
			continue
		}
		list.Append(g.scalar(fd, share))
	}
}

// fillMap sets a value for the extreme key, and one for the zero key.
func (f filler) fillMap(m protoreflect.Message, fd protoreflect.FieldDescriptor, budget, depth int) {
	key, value, share := fd.MapKey(), fd.MapValue(), budget/4
	entries := m.Mutable(fd).Map()
	for _, k := range []protoreflect.MapKey{key.Default().MapKey(), f.scalar(key, share).MapKey()} {
		if value.Message() != nil {
			f.fillMessage(entries.Mutable(k).Message(), share, depth)
			continue
		}
		entries.Set(k, f.scalar(value, share))
	}
}

// scalar returns a value of up to size bytes for a field that is not a message.
func (f filler) scalar(fd protoreflect.FieldDescriptor, size int) protoreflect.Value {
	s := styles[f.style%len(styles)]
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(s.bool)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(f.enum(fd.Enum(), s))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(s.int32)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(s.int64)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(s.uint32)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(s.uint64)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(s.float))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(s.float)
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(fit(s.text, size))
	default:
		return protoreflect.ValueOfBytes([]byte(fit(string(s.bytes), size)))
	}
}

// enum returns an undeclared number, or the last declared one.
func (f filler) enum(enum protoreflect.EnumDescriptor, s style) protoreflect.EnumNumber {
	if values := enum.Values(); s.int32 == -1 && values.Len() > 0 {
		return values.Get(values.Len() - 1).Number()
	}
	return protoreflect.EnumNumber(s.int32)
}

// fit drops a text that is too long; truncating it could make it invalid.
func fit(text string, size int) string {
	if len(text) > size {
		return ""
	}
	return text
}

// arms returns the number of messages that cover each arm of each oneof in message, at any depth.
func arms(message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) (n int) {
	if seen[message.FullName()] {
		return 0
	}
	seen[message.FullName()] = true
	for i := range message.Oneofs().Len() {
		n = max(n, message.Oneofs().Get(i).Fields().Len())
	}
	for i := range message.Fields().Len() {
		if child := message.Fields().Get(i).Message(); child != nil {
			n = max(n, arms(child, seen))
		}
	}
	return min(n, maxArms)
}

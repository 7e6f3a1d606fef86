package hub

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

// Fields names the fields of an RPC with rooms: paths of proto names, with dots into nested
// messages ("join.room_id"). Generated code sets them. If a path does not exist, every use of the
// method returns INTERNAL, and the log names the path.
type Fields struct {
	// Room is the request's room key, a string or an integer. An unset key of a later message means
	// the room of the first, 0 and "" of a field without presence included.
	Room string
}

// keyField is the field of a room key.
type keyField struct {
	name string
	path []protoreflect.FieldDescriptor
}

func newKeyField(fields Fields, req protoreflect.MessageDescriptor) (*keyField, error) {
	if fields.Room == "" {
		return nil, misuse("no field for the room key; set Room")
	}
	path, err := fieldpath.Find(req, fields.Room)
	if err != nil {
		return nil, misuse("%w", err)
	}
	k := &keyField{name: fields.Room, path: path}
	last := path[len(path)-1]
	if last.IsList() || last.IsMap() || !keyKind(last.Kind()) {
		return nil, misuse("%s is neither a string nor an integer", fields.Room)
	}
	return k, nil
}

// keyKind reports whether a field can have a room key.
func keyKind(kind protoreflect.Kind) bool {
	switch kind {
	case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.FloatKind, protoreflect.DoubleKind,
		protoreflect.BytesKind, protoreflect.MessageKind, protoreflect.GroupKind:
		return false
	}
	return true
}

// of returns the room key of a request; "" if it has none.
func (k *keyField) of(req proto.Message) string {
	m := req.ProtoReflect()
	last := len(k.path) - 1
	for _, field := range k.path[:last] {
		m = m.Get(field).Message()
	}
	if !m.Has(k.path[last]) {
		return ""
	}
	return m.Get(k.path[last]).String()
}

// fill sets the room key of a message that has none to that of the first message. It changes
// nothing if the key is in a oneof, of which the message may have another field.
func (k *keyField) fill(m, first protoreflect.Message) {
	for _, field := range k.path {
		if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
			return
		}
	}
	last := k.path[len(k.path)-1]
	fieldpath.Holder(k.path, m).Set(last, fieldpath.Path(k.path).Get(first))
}

// alone reports whether nothing but the room key is set in a request, so that all it does is join.
func (k *keyField) alone(req proto.Message) bool {
	m := req.ProtoReflect()
	for _, field := range k.path {
		n := 0
		m.Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool { n++; return n < 2 })
		if n != 1 || !m.Has(field) || len(m.GetUnknown()) > 0 {
			return false
		}
		if field.Message() != nil {
			m = m.Get(field).Message()
		}
	}
	return true
}

package operation

import (
	"fmt"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// shape maps an operation message to the fields of google.longrunning.Operation: that message
// itself, or a service's own. Paths are empty if there is no such field.
type shape struct {
	name, done, failure, response, metadata fieldPath
	created, updated                        fieldPath
	status                                  *statusShape // instead of done
}

// shapeOf finds the fields of an operation message: those that fields names, or else those with
// customary names.
func shapeOf(message protoreflect.MessageDescriptor, fields Fields) (*shape, error) {
	f := finder{message: message}
	s := &shape{
		name:    f.find("Name", fields.Name, isText, "name", "id"),
		created: f.find("", "", isTimestamp, "create_time", "created_at"),
		updated: f.find("", "", isTimestamp, "update_time", "updated_at", "modified_at"),
	}
	if fields.Status != "" {
		s.response = f.find("Response", fields.Response, isMessage)
		s.metadata = f.find("Metadata", fields.Metadata, isMessage)
		s.status = f.findStatus(fields)
	} else {
		s.done = f.find("Done", fields.Done, isBool, "done")
		s.failure = f.find("Error", fields.Error, isMessage, "error", "status")
		s.response = f.find("Response", fields.Response, isMessage, "response", "result")
		s.metadata = f.find("Metadata", fields.Metadata, isMessage, "metadata")
	}
	switch {
	case f.err != nil:
		return nil, f.err
	case len(s.name) == 0:
		return nil, fmt.Errorf("%s: no field holds the name of the operation; name it in operation.Fields.Name", message.FullName())
	case s.status != nil:
	case len(s.done) == 0:
		return nil, fmt.Errorf("%s: no field reports whether the operation is done; name it in operation.Fields.Done", message.FullName())
	case len(s.failure) == 0:
		return nil, fmt.Errorf("%s: no field holds the error of the operation; name it in operation.Fields.Error", message.FullName())
	}
	return s, nil
}

// finder finds fields of a message until an error occurs.
type finder struct {
	message protoreflect.MessageDescriptor
	err     error
}

// find returns the named path, or that of the first customary name that fits.
func (f *finder) find(what, said string, fits func(protoreflect.FieldDescriptor) bool, customary ...protoreflect.Name) fieldPath {
	if f.err != nil {
		return nil
	}
	if said == "" {
		for _, name := range customary {
			if field := f.message.Fields().ByName(name); field != nil && fits(field) {
				return fieldPath{field}
			}
		}
		return nil
	}
	path, err := resolvePath(f.message, said)
	if err != nil {
		f.err = fmt.Errorf("operation.Fields.%s: %w", what, err)
		return nil
	}
	if !fits(path.field()) {
		f.err = fmt.Errorf("operation.Fields.%s: %s has a type that does not fit", what, path.field().FullName())
		return nil
	}
	return path
}

// messageOf returns the contents of an operation's message.
func messageOf(r *Record) (m contents, err error) {
	state, err := r.State()
	if err != nil {
		return m, fmt.Errorf("operation %s as it is stored: %w", r.Name, err)
	}
	op := &longrunningpb.Operation{Name: state.Name, Metadata: state.Metadata, Done: state.Done}
	switch {
	case state.Status != nil:
		op.Result = &longrunningpb.Operation_Error{Error: state.Status}
	case state.Response != nil:
		op.Result = &longrunningpb.Operation_Response{Response: state.Response}
	}
	return contents{
		Operation: op, created: r.CreateTime, updated: r.UpdateTime,
		started: r.StartTime, ended: r.DoneTime,
	}, nil
}

// contents is what an operation message of any type says: a google.longrunning.Operation, and the
// times that other types have.
type contents struct {
	*longrunningpb.Operation
	created, updated, started, ended time.Time
}

// write sets the fields of to, which is empty. It drops what to has no field for, except the
// result.
func (s *shape) write(to protoreflect.Message, m contents) error {
	if s.status != nil {
		return s.writeStatus(to, m)
	}
	s.name.holder(to).Set(s.name.field(), protoreflect.ValueOfString(m.GetName()))
	s.done.holder(to).Set(s.done.field(), protoreflect.ValueOfBool(m.GetDone()))
	setTime(s.created, to, m.created)
	setTime(s.updated, to, m.updated)
	if err := setPacked(s.metadata, to, m.GetMetadata()); err != nil {
		return fmt.Errorf("metadata of %s: %w", m.GetName(), err)
	}
	if failure := m.GetError(); failure != nil {
		return setStatus(s.failure, to, failure)
	}
	if err := setPacked(s.response, to, m.GetResponse()); err != nil {
		return fmt.Errorf("response of %s: %w", m.GetName(), err)
	}
	return nil
}

// read returns the contents of an operation message.
func (s *shape) read(from protoreflect.Message) (*longrunningpb.Operation, error) {
	if op, ok := from.Interface().(*longrunningpb.Operation); ok {
		return op, nil
	}
	if s.status != nil {
		return s.readStatus(from)
	}
	op := &longrunningpb.Operation{Name: s.name.text(from)}
	if done, ok := s.done.get(from); ok {
		op.Done = done.Bool()
	}
	var err error
	if op.Metadata, err = packedAt(s.metadata, from); err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", op.Name, err)
	}
	failure, err := statusAt(s.failure, from)
	if err != nil {
		return nil, fmt.Errorf("error of %s: %w", op.Name, err)
	}
	if failure != nil {
		op.Result = &longrunningpb.Operation_Error{Error: failure}
		return op, nil
	}
	response, err := packedAt(s.response, from)
	if err != nil {
		return nil, fmt.Errorf("response of %s: %w", op.Name, err)
	}
	if response != nil {
		op.Result = &longrunningpb.Operation_Response{Response: response}
	}
	return op, nil
}

// setPacked sets an Any field to packed, and a field of another type to its contents.
func setPacked(path fieldPath, to protoreflect.Message, packed *anypb.Any) error {
	if len(path) == 0 || packed == nil {
		return nil
	}
	field := path.field()
	if field.Message().FullName() == anyName {
		return transfer(path.holder(to).Mutable(field).Message(), packed)
	}
	if got, want := packed.MessageName(), field.Message().FullName(); got != want {
		return fmt.Errorf("is a %s, where %s is a %s", got, field.FullName(), want)
	}
	return proto.Unmarshal(packed.GetValue(), path.holder(to).Mutable(field).Message().Interface())
}

// packedAt returns what setPacked has set, or nil.
func packedAt(path fieldPath, from protoreflect.Message) (*anypb.Any, error) {
	value, ok := path.get(from)
	if !ok {
		return nil, nil
	}
	if path.field().Message().FullName() != anyName {
		return anypb.New(value.Message().Interface())
	}
	packed := &anypb.Any{}
	return packed, transfer(packed.ProtoReflect(), value.Message().Interface())
}

// setTime sets a Timestamp field.
func setTime(path fieldPath, to protoreflect.Message, at time.Time) {
	if len(path) == 0 || at.IsZero() {
		return
	}
	_ = transfer(path.holder(to).Mutable(path.field()).Message(), timestamppb.New(at)) // a Timestamp is read as one
}

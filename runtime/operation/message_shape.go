package operation

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Full names of messages that make up operations.
const (
	anyName       protoreflect.FullName = "google.protobuf.Any"
	statusName    protoreflect.FullName = "google.rpc.Status"
	timestampName protoreflect.FullName = "google.protobuf.Timestamp"
)

// shape maps an operation message to the fields of google.longrunning.Operation: that message
// itself, or a service's own. Paths are empty if there is no such field.
type shape struct {
	name, done, failure, response, metadata fieldPath
	created, updated                        fieldPath
}

// shapeOf finds the fields of an operation message: those that fields names, or else those with
// customary names.
func shapeOf(message protoreflect.MessageDescriptor, fields Fields) (*shape, error) {
	f := finder{message: message}
	s := &shape{
		name:     f.find("Name", fields.Name, isText, "name", "id"),
		done:     f.find("Done", fields.Done, isBool, "done"),
		failure:  f.find("Error", fields.Error, isMessage, "error", "status"),
		response: f.find("Response", fields.Response, isMessage, "response", "result"),
		metadata: f.find("Metadata", fields.Metadata, isMessage, "metadata"),
		created:  f.find("", "", isTimestamp, "create_time", "created_at"),
		updated:  f.find("", "", isTimestamp, "update_time", "updated_at", "modified_at"),
	}
	switch {
	case f.err != nil:
		return nil, f.err
	case len(s.name) == 0:
		return nil, fmt.Errorf("%s: no field holds the name of the operation; say which in operation.Fields.Name", message.FullName())
	case len(s.done) == 0:
		return nil, fmt.Errorf("%s: no field says whether the operation is done; say which in operation.Fields.Done", message.FullName())
	case len(s.failure) == 0:
		return nil, fmt.Errorf("%s: no field holds the error of the operation; say which in operation.Fields.Error", message.FullName())
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

func isText(f protoreflect.FieldDescriptor) bool {
	return f.Kind() == protoreflect.StringKind && !f.IsList()
}

func isBool(f protoreflect.FieldDescriptor) bool {
	return f.Kind() == protoreflect.BoolKind && !f.IsList()
}

func isMessage(f protoreflect.FieldDescriptor) bool {
	return f.Message() != nil && !f.IsList() && !f.IsMap()
}

func isTimestamp(f protoreflect.FieldDescriptor) bool {
	return isMessage(f) && f.Message().FullName() == timestampName
}

package page

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// stubKey is the key after which a page of a list starts.
type stubKey struct {
	Type   model.Type // Text is empty if no key was found
	Getter string     // the item's method that returns the key; "" if the item is the key
	Guess  string     // the name of the field if only its name suggests that it identifies items
}

// keyOf returns the field that identifies an item of the list that the method returns.
func keyOf(s *model.Scope, items protoreflect.FieldDescriptor) (k stubKey) {
	if items.Message() == nil {
		if isKey(items.Kind()) {
			k.Type = s.ElementType(items)
		}
		return k
	}
	field := keyOfGet(s.Method().Desc, items.Message())
	if field == nil {
		field = keyOfResource(items.Message())
	}
	if field == nil {
		if field = keyByName(items.Message()); field == nil {
			return k
		}
		if !isUniqueByName(field) {
			k.Guess = string(field.Name())
		}
	}
	k.Getter, k.Type = s.Getter(field), s.ElementType(field)
	return k
}

// keyOfGet returns the field of an item that a Get method of the same service takes, or nil.
func keyOfGet(list protoreflect.MethodDescriptor, item protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	methods := list.Parent().(protoreflect.ServiceDescriptor).Methods()
	var gets []protoreflect.MethodDescriptor
	for i := range methods.Len() {
		switch m := methods.Get(i); {
		case !isGet(m, item):
		case m.Name() == "Get"+item.Name(): // takes precedence
			gets = slices.Insert(gets, 0, m)
		default:
			gets = append(gets, m)
		}
	}
	for _, m := range gets {
		if field := keyInRequest(m.Input(), item); field != nil {
			return field
		}
	}
	return nil
}

// isGet reports whether a method returns one item.
func isGet(m protoreflect.MethodDescriptor, item protoreflect.MessageDescriptor) bool {
	isRead := slices.ContainsFunc([]string{"Get", "Read", "Fetch", "Describe", "Retrieve", "Show"}, func(verb string) bool {
		return strings.HasPrefix(string(m.Name()), verb)
	})
	if !isRead || m.IsStreamingClient() || m.IsStreamingServer() {
		return false
	}
	if m.Output() == item {
		return true
	}
	fields := m.Output().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); f.Message() == item && f.Cardinality() != protoreflect.Repeated {
			return true
		}
	}
	return false
}

// keyInRequest returns the field of an item that the request of a Get method refers to, or nil if
// it refers to none or to several.
func keyInRequest(request, item protoreflect.MessageDescriptor) (key protoreflect.FieldDescriptor) {
	fields := request.Fields()
	for i := range fields.Len() {
		asked := fields.Get(i)
		if asked.Cardinality() == protoreflect.Repeated || !isKey(asked.Kind()) {
			continue
		}
		field := sameField(asked, item)
		if field == nil {
			continue
		}
		if slices.Contains(keyNames(string(item.Name())), string(field.Name())) {
			return field
		}
		if key != nil {
			return nil
		}
		key = field
	}
	return key
}

// sameField returns the field of an item that a request field refers to: user_id in a request is
// the id of a User, and id its user_id.
func sameField(asked protoreflect.FieldDescriptor, item protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	prefix := model.SnakeCase(string(item.Name())) + "_"
	name := string(asked.Name())
	for _, candidate := range []string{name, strings.TrimPrefix(name, prefix), prefix + name} {
		field := item.Fields().ByName(protoreflect.Name(candidate))
		if field != nil && field.Cardinality() != protoreflect.Repeated && field.Kind() == asked.Kind() {
			return field
		}
	}
	return nil
}

// keyOfResource returns the field that identifies a resource according to the google.api options,
// which is an IDENTIFIER or the name field, or nil.
func keyOfResource(item protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	for i := range item.Fields().Len() {
		if field := item.Fields().Get(i); policy.BehaviorsOf(field).Has(policy.BehaviorIdentifier) && isSingleKey(field) {
			return field
		}
	}
	if field := policy.NameFieldOf(item); field != nil && isSingleKey(field) {
		return field
	}
	return nil
}

// keyByName returns the field whose name suggests that it identifies an item, or nil.
func keyByName(item protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	for _, name := range keyNames(string(item.Name())) {
		if field := item.Fields().ByName(protoreflect.Name(name)); field != nil && isSingleKey(field) {
			return field
		}
	}
	return nil
}

// keyNames returns the names of fields that identify a message with a given name, the likeliest
// first. A field such as name may also be the name of a person, which is not unique.
func keyNames(message string) []string {
	snake := model.SnakeCase(message)
	return []string{"id", "uid", "uuid", snake + "_id", snake + "_key", "key", "name", snake + "_name"}
}

// isUniqueByName reports whether the name of a field suggests that its values are unique among
// items.
func isUniqueByName(field protoreflect.FieldDescriptor) bool {
	return !strings.HasSuffix(string(field.Name()), "name")
}

func isSingleKey(field protoreflect.FieldDescriptor) bool {
	return field.Cardinality() != protoreflect.Repeated && isKey(field.Kind())
}

// isKey reports whether values of a kind can be compared and ordered.
func isKey(kind protoreflect.Kind) bool {
	switch kind {
	case protoreflect.StringKind, protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind,
		protoreflect.Sint32Kind, protoreflect.Sint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind,
		protoreflect.Sfixed32Kind, protoreflect.Sfixed64Kind:
		return true
	default:
		return false
	}
}

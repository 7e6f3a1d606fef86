package fieldrules

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// What a request does to the resource in it decides which of the resource's fields it must set. It
// follows from the shape of the message alone, so that it holds in batches and streams too.

const maskMessage protoreflect.FullName = "google.protobuf.FieldMask"

// updateRule is the relation of an update mask to the part of a message that it selects (AIP-134).
type updateRule struct {
	mask         protoreflect.FieldDescriptor
	allowMissing protoreflect.FieldDescriptor // nil if the message has none
	// resource holds the resource, or the resources, that the mask names fields of; or, of a batch,
	// the requests that the mask is for unless they have their own.
	resource protoreflect.FieldDescriptor
}

// updateRuleOf returns the update rule of a message; nil where it has no update mask, or where it
// is not clear what the mask is about.
func updateRuleOf(desc protoreflect.MessageDescriptor) *updateRule {
	mask := updateMaskOf(desc)
	if mask == nil {
		return nil
	}
	rule := &updateRule{mask: mask, resource: resourceIn(desc)}
	if rule.resource == nil {
		return nil
	}
	upsert := desc.Fields().ByName("allow_missing")
	if upsert != nil && upsert.Kind() == protoreflect.BoolKind && !upsert.IsList() {
		rule.allowMissing = upsert
	}
	return rule
}

// updateMaskOf returns the field of a message that is an update mask: by its name, or in a message
// called UpdateX, where APIs older than AIP-134 call it field_mask.
func updateMaskOf(desc protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	names := []protoreflect.Name{"update_mask"}
	if _, ok := nounAfter(desc, "BatchUpdate", "Update", "Patch"); ok {
		names = append(names, "field_mask", "mask")
	}
	for _, name := range names {
		if field := desc.Fields().ByName(name); field != nil && isMask(field) {
			return field
		}
	}
	return nil
}

func isMask(field protoreflect.FieldDescriptor) bool {
	return !field.IsList() && field.Message() != nil && field.Message().FullName() == maskMessage
}

// createdField returns the field of a message that holds the resource that it creates (AIP-133);
// nil where it creates none.
func createdField(desc protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	if _, ok := nounAfter(desc, "Create", "BatchCreate"); !ok {
		return nil
	}
	field := resourceIn(desc)
	if field == nil || strings.HasSuffix(string(field.Message().Name()), "Request") {
		return nil // the child requests of a batch create the resources
	}
	return field
}

// resourceIn returns the field with what the request of a standard method is about: of several
// messages the one that is named like the request, is a resource, or is required.
func resourceIn(desc protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	var candidates []protoreflect.FieldDescriptor
	for i := range desc.Fields().Len() {
		field := desc.Fields().Get(i)
		message := field.Message()
		if message != nil && !field.IsMap() && message.FullName().Parent() != "google.protobuf" {
			candidates = append(candidates, field)
		}
	}
	noun, _ := nounAfter(desc, "BatchCreate", "BatchUpdate", "Create", "Update", "Patch")
	for _, fits := range []func(protoreflect.FieldDescriptor) bool{
		func(f protoreflect.FieldDescriptor) bool {
			return strings.ReplaceAll(string(f.Name()), "_", "") == noun
		},
		func(f protoreflect.FieldDescriptor) bool { return strings.EqualFold(string(f.Message().Name()), noun) },
		func(f protoreflect.FieldDescriptor) bool { return policy.NameFieldOf(f.Message()) != nil },
		policy.IsRequired,
		func(protoreflect.FieldDescriptor) bool { return true },
	} {
		if only := onlyField(candidates, fits); only != nil {
			return only
		}
	}
	return nil
}

// onlyField returns the one field that fits; nil where none does, or several do.
func onlyField(
	fields []protoreflect.FieldDescriptor, fits func(protoreflect.FieldDescriptor) bool,
) (only protoreflect.FieldDescriptor) {
	for _, field := range fields {
		if !fits(field) {
			continue
		}
		if only != nil {
			return nil
		}
		only = field
	}
	return only
}

// nounAfter returns what the name of a request is about, in small letters: "book" of
// "UpdateBookRequest". It reports false where the name has none of the verbs.
func nounAfter(desc protoreflect.MessageDescriptor, verbs ...string) (noun string, ok bool) {
	for _, verb := range verbs {
		rest, ok := strings.CutPrefix(string(desc.Name()), verb)
		if ok && (rest == "" || rest[0] < 'a' || rest[0] > 'z') {
			return strings.ToLower(strings.TrimSuffix(rest, "Request")), true
		}
	}
	return "", false
}

// ownFields are what each child of a batch has for itself, although the batch has a field of that
// name too.
var ownFields = map[protoreflect.Name]bool{
	"name": true, "id": true, "uid": true, "uuid": true, "key": true, "etag": true,
	"request_id": true, "idempotency_key": true, "client_token": true, "client_request_id": true,
}

// hoistedFields returns the required fields of the requests in a list that the message with the
// list may set for all of them.
func hoistedFields(batch protoreflect.MessageDescriptor, list protoreflect.FieldDescriptor) (hoisted []hoistedField) {
	child := list.Message()
	if !list.IsList() || child == nil || !strings.HasSuffix(string(child.Name()), "Request") {
		return nil
	}
	for i := range batch.Fields().Len() {
		from := batch.Fields().Get(i)
		to := child.Fields().ByName(from.Name())
		if to != nil && policy.IsRequired(to) && !ownFields[from.Name()] && sameSingular(from, to) {
			hoisted = append(hoisted, hoistedField{from, to})
		}
	}
	return hoisted
}

// sameSingular reports whether two fields are no lists and have the same type.
func sameSingular(a, b protoreflect.FieldDescriptor) bool {
	if a.IsList() || a.IsMap() || b.IsList() || b.IsMap() || a.Kind() != b.Kind() {
		return false
	}
	return typeName(a) == typeName(b)
}

func typeName(field protoreflect.FieldDescriptor) protoreflect.FullName {
	switch {
	case field.Message() != nil:
		return field.Message().FullName()
	case field.Enum() != nil:
		return field.Enum().FullName()
	}
	return ""
}

// gives reports whether a batch sets a field for its child requests. A wildcard, as in
// "publishers/-" (AIP-159), stands for many values, so it does not count.
func (h hoistedField) gives(batch protoreflect.Message) bool {
	if !batch.Has(h.from) {
		return false
	}
	if h.from.Kind() != protoreflect.StringKind {
		return true
	}
	for segment := range strings.SplitSeq(batch.Get(h.from).String(), "/") {
		if segment == "-" {
			return false
		}
	}
	return true
}

// hoistedField is a field that a batch may set for all of its child requests (AIP-233).
type hoistedField struct {
	from, to protoreflect.FieldDescriptor
}

package fieldrules

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Rules are rules of another kind than those of google.api, such as those of buf.validate. They are
// checked where those of google.api would be: OUTPUT_ONLY fields have none, and of a resource in an
// update, what the mask names is checked.
type Rules interface {
	// Of returns the checks of the rules that a message itself has, or nil if it has none.
	Of(desc protoreflect.MessageDescriptor) (*Own, error)
	// Enters reports which of the messages in a field are checked.
	Enters(field protoreflect.FieldDescriptor) Entry
}

// Own are the checks of the rules that a message itself has, without those of the messages in it.
// Both may be nil.
type Own struct {
	// Fields checks fields and oneofs.
	Fields OwnCheck
	// Message checks the message as a whole. It runs last, and only if the request says all of the
	// message, and its fields and the messages in it are valid. So the limits of lists also limit
	// what it costs.
	Message OwnCheck
}

// OwnCheck returns what is wrong with a message, or why that cannot be determined.
type OwnCheck func(m protoreflect.Message, part Part) ([]Violation, error)

// Violation is what is wrong with a field of a message.
type Violation struct {
	Field       protoreflect.Name // or a oneof; "" for the message itself
	Index       int               // of the element of a list, or NoIndex
	Key         protoreflect.MapKey
	Redacted    bool // the key is confidential
	Description string
	Reason      string
}

// NoIndex is the index of what is in no list.
const NoIndex = noIndex

// Entry states which of the messages in a field are checked.
type Entry int

const (
	EnterAll  Entry = iota
	EnterNone       // the field has no rules either
	EnterSet        // those elements of a list or map that are not empty
)

// Part is what a request says of a message.
type Part struct{ scope scope }

// IsWhole reports whether the rules of all fields apply.
func (p Part) IsWhole() bool {
	return p.scope.mask.all() && !p.scope.creating && len(p.scope.hoisted) == 0
}

// IsRedacted reports whether the message is in a field with debug_redact.
func (p Part) IsRedacted() bool { return p.scope.redacted }

// Concerns reports whether the rules of a field of m apply: see docs/validation.md.
func (p Part) Concerns(m protoreflect.Message, r Role) bool {
	s := &p.scope
	switch {
	case s.creating && (r.assigned || s.resource && r.identifies):
		return false
	case s.updating && s.resource && r.identifies:
		return true
	case !m.Has(r.field) && s.gives(r.field):
		return false
	}
	_, covers := s.mask.of(string(r.field.Name()))
	return covers == coversAll
}

// Role is what a field is in its message.
type Role struct {
	field      protoreflect.FieldDescriptor
	identifies bool // the resource or its version
	assigned   bool // by the server, in a message of a create
}

// RoleOf returns the role of a field.
func RoleOf(field protoreflect.FieldDescriptor) Role {
	assigned := policy.BehaviorsOf(field).Has(policy.BehaviorIdentifier)
	isName := field == policy.NameFieldOf(field.ContainingMessage())
	return Role{field, isName || assigned || field.Name() == "etag", assigned}
}

// IsOutputOnly reports whether a server ignores the field in requests (AIP-203).
func IsOutputOnly(field protoreflect.FieldDescriptor) bool {
	return policy.BehaviorsOf(field).Has(policy.BehaviorOutputOnly)
}

// IsRedacted reports whether a field has the option debug_redact: its values are confidential.
func IsRedacted(field protoreflect.FieldDescriptor) bool {
	options, _ := field.Options().(*descriptorpb.FieldOptions)
	return options.GetDebugRedact()
}

// checkOwn collects what such a check finds.
func (w *walk) checkOwn(check OwnCheck, m protoreflect.Message, s *scope) {
	if check == nil || !w.on() {
		return
	}
	found, err := check(m, Part{*s})
	if err != nil {
		w.over = err
	}
	for _, v := range found {
		step := pathStep{name: v.Field, index: v.Index, key: v.Key, redacted: v.Redacted}
		w.add(step, v.Description, v.Reason)
	}
}

// result returns the error of a request that was looked at. What is wrong with the request is more
// use to the caller than a rule that could not be checked.
func (w *walk) result() error {
	if w.over != nil && (len(w.found) == 0 || w.ctx.Err() != nil) {
		return w.over
	}
	return rpcerr.Invalid(w.found...)
}

// isEmpty reports whether a message says nothing.
func isEmpty(m protoreflect.Message) bool { return proto.Size(m.Interface()) == 0 }

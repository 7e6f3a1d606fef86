package validate

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldrules"
)

// messageRules are the rules that a message itself has.
type messageRules struct {
	desc     protoreflect.MessageDescriptor
	engine   protovalidate.Validator
	subjects []*subject // fields and oneofs
	byDesc   map[protoreflect.Descriptor]*subject
	whole    *subject // the message, or nil
	plain    bool     // evaluating all of the message evaluates nothing else
	filters  sync.Pool
}

// readRules returns the rules of a message, or nil if it has none.
func readRules(desc protoreflect.MessageDescriptor) (*messageRules, error) {
	r := &messageRules{desc: desc, byDesc: make(map[protoreflect.Descriptor]*subject)}
	if err := errors.Join(r.readMessage(), r.readFields(), r.readOneofs()); err != nil {
		return nil, err
	}
	if r.whole == nil && len(r.subjects) == 0 {
		return nil, nil
	}
	r.plain = isPlain(desc)
	r.filters.New = func() any { return newPartFilter(r) }
	return r, nil
}

func (r *messageRules) readMessage() error {
	rules, err := protovalidate.ResolveMessageRules(r.desc)
	if err != nil {
		return unreadable(r.desc, err)
	}
	if len(rules.GetCel())+len(rules.GetCelExpression())+len(rules.GetOneof()) > 0 {
		r.whole = &subject{
			desc: r.desc, holdsRedacted: redactedIn(r.desc),
			fixed:       fixedTexts(rules.GetCel(), rules.GetCelExpression()),
			expressions: expressions(rules.GetCel(), rules.GetCelExpression()),
		}
		for _, rule := range rules.GetOneof() {
			r.whole.fixed = append(r.whole.fixed, oneofTexts(rule.GetFields())...)
		}
	}
	return nil
}

func (r *messageRules) readOneofs() error {
	for i := range r.desc.Oneofs().Len() {
		oneof := r.desc.Oneofs().Get(i)
		rules, err := protovalidate.ResolveOneofRules(oneof)
		if err != nil {
			return unreadable(oneof, err)
		}
		if !rules.GetRequired() {
			continue
		}
		s := &subject{desc: oneof, holdsRedacted: redactedIn(nil)} // the rule sees no values
		for i := range oneof.Fields().Len() {
			s.roles = append(s.roles, fieldrules.RoleOf(oneof.Fields().Get(i)))
		}
		r.add(s)
	}
	return nil
}

func (r *messageRules) readFields() error {
	for i := range r.desc.Fields().Len() {
		field := r.desc.Fields().Get(i)
		rules, err := protovalidate.ResolveFieldRules(field)
		if err != nil {
			return unreadable(field, err)
		}
		if rules == nil || rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS || fieldrules.IsOutputOnly(field) {
			continue
		}
		r.add(&subject{
			desc: field, roles: []fieldrules.Role{fieldrules.RoleOf(field)},
			fixed:       fixedTexts(rules.GetCel(), rules.GetCelExpression()),
			expressions: fieldExpressions(rules),
			redacted:    fieldrules.IsRedacted(field), holdsRedacted: redactedIn(held(field)),
		})
	}
	return nil
}

// fieldExpressions returns the CEL expressions of a field and of its elements.
func fieldExpressions(r *validate.FieldRules) (all []string) {
	for _, rules := range []*validate.FieldRules{
		r, r.GetRepeated().GetItems(), r.GetMap().GetKeys(), r.GetMap().GetValues(),
	} {
		all = append(all, expressions(rules.GetCel(), rules.GetCelExpression())...)
	}
	return all
}

// expressions returns the CEL expressions of rules and the others.
func expressions(rules []*validate.Rule, others []string) []string {
	all := slices.Clone(others)
	for _, rule := range rules {
		all = append(all, rule.GetExpression())
	}
	return all
}

func (r *messageRules) add(s *subject) {
	r.subjects = append(r.subjects, s)
	r.byDesc[s.desc] = s
}

// all returns everything that has rules.
func (r *messageRules) all() []*subject {
	if r.whole == nil {
		return r.subjects
	}
	return append(slices.Clip(r.subjects), r.whole)
}

// concerns reports whether the rules apply to m, of which a request says a part.
func (s *subject) concerns(m protoreflect.Message, part fieldrules.Part) bool {
	for _, role := range s.roles {
		if part.Concerns(m, role) {
			return true
		}
	}
	return false
}

func unreadable(desc protoreflect.Descriptor, err error) error {
	return fmt.Errorf("the rules of %s cannot be read: %w", desc.FullName(), err)
}

// isPlain reports whether protovalidate evaluates the rules of the message itself and nothing else:
// there is no message in it that has rules or messages, and no rule of a field that a server
// ignores.
func isPlain(desc protoreflect.MessageDescriptor) bool {
	for i := range desc.Fields().Len() {
		field := desc.Fields().Get(i)
		if inner := held(field); inner != nil && !isFlat(inner) {
			return false
		}
		if rules, _ := protovalidate.ResolveFieldRules(field); rules != nil && fieldrules.IsOutputOnly(field) {
			return false
		}
	}
	return true
}

// isFlat reports whether a message holds no messages and has no rules.
func isFlat(desc protoreflect.MessageDescriptor) bool {
	for i := range desc.Fields().Len() {
		if held(desc.Fields().Get(i)) != nil {
			return false
		}
	}
	rules, err := readRules(desc)
	return rules == nil && err == nil
}

// held returns the message that a field holds, one or many of it, or nil.
func held(field protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	if field.IsMap() {
		return field.MapValue().Message()
	}
	return field.Message()
}

// redactedIn returns whether a message, or one in it, has a field with debug_redact. It looks when
// a violation needs it: a graph of many messages takes time.
func redactedIn(desc protoreflect.MessageDescriptor) func() bool {
	return sync.OnceValue(func() bool { return holdsRedacted(desc, make(seen)) })
}

type seen map[protoreflect.MessageDescriptor]bool

// holdsRedacted reports whether a message, or one in it, has a field with debug_redact.
func holdsRedacted(desc protoreflect.MessageDescriptor, done seen) bool {
	if desc == nil || done[desc] {
		return false
	}
	done[desc] = true
	for i := range desc.Fields().Len() {
		field := desc.Fields().Get(i)
		if fieldrules.IsRedacted(field) || holdsRedacted(held(field), done) {
			return true
		}
	}
	return false
}

// Package fieldrules checks requests by the rules that their protos state: required fields and
// formats (AIP-203, google.api.field_info).
package fieldrules

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// messageRules are what google.api says of the fields of one message, and of the messages in it:
// that they are REQUIRED (field_behavior, AIP-203) and what their text looks like (field_info,
// AIP-202). OUTPUT_ONLY fields have no rules, since a server ignores them in requests.
type messageRules struct {
	required []requiredRule
	formats  []formatRule
	nested   []nestedRules
	update   *updateRule // nil unless the message has an update mask
	creates  protoreflect.FieldDescriptor
}

// nestedRules are the rules of the messages in a field.
type nestedRules struct {
	field   protoreflect.FieldDescriptor
	rules   *messageRules
	hoisted []hoistedField // for a batch whose child requests are in the field
}

// hoistedField is a field that a batch may set for all of its child requests (AIP-233).
type hoistedField struct {
	from, to protoreflect.FieldDescriptor
}

// fieldRules returns the rules of a message, or nil if neither it nor any message in it has rules.
// It omits fields that lead to no rule, so that their values, such as a google.protobuf.Struct, are
// not walked needlessly.
func fieldRules(desc protoreflect.MessageDescriptor) *messageRules {
	g := ruleGraph{
		rules:   make(map[protoreflect.FullName]*messageRules),
		holders: make(map[*messageRules][]*messageRules),
		leads:   make(map[*messageRules]bool),
	}
	root := g.collect(desc)
	g.prune()
	if !g.leads[root] {
		return nil
	}
	return root
}

// ruleGraph is all messages that one can hold, itself included.
type ruleGraph struct {
	rules   map[protoreflect.FullName]*messageRules
	holders map[*messageRules][]*messageRules // those with a field of the message
	leads   map[*messageRules]bool            // whether the message, or one that it can hold, has rules
}

// collect gathers the rules of a message and of all it can hold.
func (g *ruleGraph) collect(desc protoreflect.MessageDescriptor) *messageRules {
	if rules, ok := g.rules[desc.FullName()]; ok {
		return rules
	}
	rules := &messageRules{update: updateRuleOf(desc), creates: createdField(desc)}
	g.rules[desc.FullName()] = rules
	name := policy.NameFieldOf(desc)
	for i := range desc.Fields().Len() {
		field := desc.Fields().Get(i)
		behaviors := policy.BehaviorsOf(field)
		if behaviors.Has(policy.BehaviorOutputOnly) {
			continue
		}
		if behaviors.Has(policy.BehaviorRequired) {
			rules.required = append(rules.required, newRequiredRule(field, field == name, behaviors))
		}
		if format := policy.FormatOf(field); format != policy.FormatNone {
			rules.formats = append(rules.formats, formatRule{field, format})
		}
		if held := heldMessage(field); held != nil {
			inner := g.collect(held)
			rules.nested = append(rules.nested, nestedRules{field, inner, hoistedFields(desc, field)})
			g.holders[inner] = append(g.holders[inner], rules)
		}
	}
	return rules
}

func newRequiredRule(field protoreflect.FieldDescriptor, isName bool, behaviors policy.Behaviors) requiredRule {
	assigned := behaviors.Has(policy.BehaviorIdentifier)
	rule := requiredRule{
		field: field, mask: isMask(field), assigned: assigned,
		identifies: isName || assigned || field.Name() == "etag",
	}
	if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
		rule.oneof = oneof
	}
	return rule
}

// heldMessage returns the message that a field holds, one or many of it; nil for a field of
// something else.
func heldMessage(field protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	if field.IsMap() {
		return field.MapValue().Message()
	}
	return field.Message()
}

// prune removes the fields that lead to no rule.
func (g *ruleGraph) prune() {
	for _, rules := range g.rules {
		if len(rules.required)+len(rules.formats) > 0 {
			g.mark(rules)
		}
	}
	for _, rules := range g.rules {
		var kept []nestedRules
		for _, n := range rules.nested {
			if g.leads[n.rules] {
				kept = append(kept, n)
			}
		}
		rules.nested = kept
	}
}

// mark records that a message, and every message that can hold it, leads to rules.
func (g *ruleGraph) mark(rules *messageRules) {
	if g.leads[rules] {
		return
	}
	g.leads[rules] = true
	for _, holder := range g.holders[rules] {
		g.mark(holder)
	}
}

// laterRules returns the rules of the messages of a stream after its first. If messages carry
// chunks of bytes, the first one describes the content, and later ones need not repeat that.
func laterRules(first *messageRules, desc protoreflect.MessageDescriptor) *messageRules {
	if first == nil || !hasChunks(desc) {
		return first
	}
	later := *first
	later.required = nil
	for _, rule := range first.required {
		if rule.oneof != nil || isChunk(rule.field) {
			later.required = append(later.required, rule)
		}
	}
	return &later
}

func hasChunks(desc protoreflect.MessageDescriptor) bool {
	for i := range desc.Fields().Len() {
		if isChunk(desc.Fields().Get(i)) {
			return true
		}
	}
	return false
}

func isChunk(field protoreflect.FieldDescriptor) bool {
	return field.Kind() == protoreflect.BytesKind && !field.IsList()
}

// Package fieldrules checks requests by the rules that their protos state: required fields and
// formats (AIP-203, google.api.field_info).
package fieldrules

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// messageRules are what google.api says of the fields of one message, and of the messages in it:
// that they are REQUIRED (field_behavior, AIP-203) and what their text looks like (field_info,
// AIP-202), or what other [Rules] say of it. OUTPUT_ONLY fields have no rules, since a server
// ignores them in requests.
type messageRules struct {
	required []requiredRule
	formats  []formatRule
	own      Own
	nested   []nestedRules
	update   *updateRule // nil unless the message has an update mask
	creates  protoreflect.FieldDescriptor
}

// nestedRules are the rules of the messages in a field.
type nestedRules struct {
	field    protoreflect.FieldDescriptor
	rules    *messageRules
	hoisted  []hoistedField // for a batch whose child requests are in the field
	entry    Entry
	redacted bool
}

// fieldRules returns the rules of google.api of a message, or nil if neither it nor any message in
// it has rules. It omits fields that lead to no rule, so that their values, such as a
// google.protobuf.Struct, are not walked needlessly.
func fieldRules(desc protoreflect.MessageDescriptor) *messageRules {
	return newRuleGraph(nil).root(desc)
}

// newRuleGraph returns an empty graph, of the rules of google.api if others is nil.
func newRuleGraph(others Rules) *ruleGraph {
	return &ruleGraph{
		others:  others,
		rules:   make(map[protoreflect.FullName]*messageRules),
		holders: make(map[*messageRules][]*messageRules),
		leads:   make(map[*messageRules]bool),
	}
}

// root returns the rules of a message, without those fields that lead to no rule; or nil.
func (g *ruleGraph) root(desc protoreflect.MessageDescriptor) *messageRules {
	root := g.collect(desc)
	g.prune()
	if !g.leads[root] {
		return nil
	}
	return root
}

// ruleGraph is all messages that one can hold, itself included.
type ruleGraph struct {
	others  Rules // instead of those of google.api
	errs    []error
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
	if g.others != nil {
		g.readOwn(desc, rules)
	}
	for i := range desc.Fields().Len() {
		field := desc.Fields().Get(i)
		entry := g.entryOf(field)
		if entry == EnterNone || IsOutputOnly(field) {
			continue
		}
		if g.others == nil {
			rules.readField(field)
		}
		if held := heldMessage(field); held != nil {
			inner := g.collect(held)
			rules.nested = append(rules.nested, nestedRules{
				field: field, rules: inner, hoisted: hoistedFields(desc, field),
				entry: entry, redacted: IsRedacted(field),
			})
			g.holders[inner] = append(g.holders[inner], rules)
		}
	}
	return rules
}

// readField adds what google.api says of a field.
func (r *messageRules) readField(field protoreflect.FieldDescriptor) {
	if policy.IsRequired(field) {
		r.required = append(r.required, newRequiredRule(field))
	}
	if format := policy.FormatOf(field); format != policy.FormatNone {
		r.formats = append(r.formats, formatRule{field, format})
	}
}

func newRequiredRule(field protoreflect.FieldDescriptor) requiredRule {
	role := RoleOf(field)
	rule := requiredRule{
		field: field, mask: isMask(field), assigned: role.assigned, identifies: role.identifies,
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
		if rules.any() {
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

// any reports whether the message itself has rules.
func (r *messageRules) any() bool {
	return len(r.required)+len(r.formats) > 0 || r.own.Fields != nil || r.own.Message != nil
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

// readOwn adds the rules that a message itself has.
func (g *ruleGraph) readOwn(desc protoreflect.MessageDescriptor, rules *messageRules) {
	own, err := g.others.Of(desc)
	if err != nil {
		g.errs = append(g.errs, err)
	} else if own != nil {
		rules.own = *own
	}
}

// entryOf returns which of the messages in a field are checked.
func (g *ruleGraph) entryOf(field protoreflect.FieldDescriptor) Entry {
	if g.others == nil {
		return EnterAll
	}
	return g.others.Enters(field)
}

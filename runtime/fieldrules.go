package runtime

import (
	"context"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

const (
	// maxViolations is how many fields one error names.
	maxViolations = 20
	// maxFieldPath is about how many bytes of a field's path an error tells.
	maxFieldPath = 200
)

// fieldCheck returns the check of what google.api says of fields, in the message and in those in it: that they are REQUIRED
// (field_behavior, AIP-203), and what their text looks like (field_info, AIP-202). It is nil where nothing is said.
func fieldCheck(desc protoreflect.MessageDescriptor) checkFunc {
	rules := fieldRules(desc)
	if rules == nil {
		return nil
	}
	return func(_ context.Context, req proto.Message) error {
		var c collector
		rules.check(req.ProtoReflect(), &c)
		return Invalid(c.found...)
	}
}

// messageRules are what is said of the fields of one message, and of those of the messages in it.
type messageRules struct {
	required []protoreflect.FieldDescriptor
	formats  []formatRule
	nested   []nestedRules
}

// nestedRules are the rules of the messages in a field.
type nestedRules struct {
	field protoreflect.FieldDescriptor
	rules *messageRules
}

// fieldRules returns the rules of a message, nil where neither it nor any message in it has some. Fields that lead to no rule
// are not among them, so that what they hold, such as a google.protobuf.Struct, is not walked for nothing.
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
	rules := new(messageRules)
	g.rules[desc.FullName()] = rules
	for i := range desc.Fields().Len() {
		field := desc.Fields().Get(i)
		if policy.IsRequired(field) {
			rules.required = append(rules.required, field)
		}
		if format := policy.FormatOf(field); format != policy.FormatNone {
			rules.formats = append(rules.formats, formatRule{field, format})
		}
		if held := heldMessage(field); held != nil {
			inner := g.collect(held)
			rules.nested = append(rules.nested, nestedRules{field, inner})
			g.holders[inner] = append(g.holders[inner], rules)
		}
	}
	return rules
}

// heldMessage returns the message that a field holds, one or many of it; nil for a field of something else.
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

// mark notes that a message leads to rules, and so do all that can hold it.
func (g *ruleGraph) mark(rules *messageRules) {
	if g.leads[rules] {
		return
	}
	g.leads[rules] = true
	for _, holder := range g.holders[rules] {
		g.mark(holder)
	}
}

// check collects what is wrong with a message.
func (r *messageRules) check(m protoreflect.Message, c *collector) {
	for _, field := range r.required {
		if !m.Has(field) {
			c.add(pathStep{field: field, index: noIndex}, "it is required", "REQUIRED")
		}
	}
	for _, rule := range r.formats {
		if m.Has(rule.field) && !c.full() {
			rule.check(m.Get(rule.field), c)
		}
	}
	for _, n := range r.nested {
		if !c.full() && m.Has(n.field) {
			n.check(m.Get(n.field), c)
		}
	}
}

// check collects what is wrong with the messages in a field.
func (n nestedRules) check(value protoreflect.Value, c *collector) {
	switch {
	case n.field.IsList():
		list := value.List()
		for i := 0; i < list.Len() && !c.full(); i++ {
			n.checkAt(pathStep{field: n.field, index: i}, list.Get(i), c)
		}
	case n.field.IsMap():
		*c = n.checkMap(value.Map(), *c)
	default:
		n.checkAt(pathStep{field: n.field, index: noIndex}, value, c)
	}
}

// checkMap takes and returns a copy of the collector: the closure moves it to the heap, which other checks shall not pay for.
func (n nestedRules) checkMap(values protoreflect.Map, c collector) collector {
	values.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		n.checkAt(pathStep{field: n.field, index: noIndex, key: k}, v, &c)
		return !c.full()
	})
	return c
}

func (n nestedRules) checkAt(step pathStep, value protoreflect.Value, c *collector) {
	c.path = append(c.path, step)
	n.rules.check(value.Message(), c)
	c.path = c.path[:len(c.path)-1]
}

// collector collects violations until there are as many as one error names. A request is walked once, and no text is made
// before there is a violation, so that a check costs no more than the request's size.
type collector struct {
	found []FieldViolation
	path  []pathStep // of the message that is looked at
}

// pathStep is a field, or one of the elements in it.
type pathStep struct {
	field protoreflect.FieldDescriptor
	index int                 // in a list, or noIndex
	key   protoreflect.MapKey // in a map, or not valid
}

// noIndex is the index of what is in no list.
const noIndex = -1

// full says that there is nothing more to look for.
func (c *collector) full() bool { return len(c.found) >= maxViolations }

// add adds a violation of a field in the message that is looked at.
func (c *collector) add(step pathStep, description, reason string) {
	if !c.full() {
		c.found = append(c.found, FieldViolation{Field: c.pathTo(step), Description: description, Reason: reason})
	}
}

// pathTo returns the path of a field in the message that is looked at, its beginning where it is long.
func (c *collector) pathTo(last pathStep) string {
	var path []byte
	for _, step := range c.path {
		if path = append(step.appendTo(path), '.'); len(path) > maxFieldPath {
			break
		}
	}
	if path = last.appendTo(path); len(path) > maxFieldPath {
		return string(cutText(path, maxFieldPath)) + "..."
	}
	return string(path)
}

func (s pathStep) appendTo(path []byte) []byte {
	path = append(path, s.field.Name()...)
	if s.index != noIndex {
		path = strconv.AppendInt(append(path, '['), int64(s.index), 10)
		return append(path, ']')
	}
	if s.key.IsValid() {
		path = strconv.AppendQuote(append(path, '['), cutText(s.key.String(), maxFieldPath))
		return append(path, ']')
	}
	return path
}

// cutText returns the first bytes of a text, without a part of a character at the end.
func cutText[T string | []byte](text T, size int) T {
	if len(text) <= size {
		return text
	}
	for size > 0 && !utf8.RuneStart(text[size]) {
		size--
	}
	return text[:size]
}

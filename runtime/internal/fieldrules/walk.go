package fieldrules

import (
	"context"
	"errors"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	// maxNesting is how many messages deep a request with rules may be nested. Protobuf for C++ and
	// Java decodes no more.
	maxNesting = 100
	// lookEvery is after how many messages or texts a check looks whether its call is over.
	lookEvery = 1024
)

// Check returns what is wrong with a request.
type Check = func(ctx context.Context, req proto.Message) error

// Checks returns the checks of the field rules of a message, nil where there are none: first of
// the first message of a stream, or the only request, and later of the other messages of a stream.
func Checks(desc protoreflect.MessageDescriptor) (first, later Check) {
	rules := fieldRules(desc)
	return rules.checkFunc(), laterRules(rules, desc).checkFunc()
}

func (r *messageRules) checkFunc() Check {
	if r == nil {
		return nil
	}
	return func(ctx context.Context, req proto.Message) error {
		w := walk{ctx: ctx}
		r.check(req.ProtoReflect(), &scope{}, &w)
		return w.result()
	}
}

// check collects what is wrong with a message.
func (r *messageRules) check(m protoreflect.Message, s *scope, w *walk) {
	if !w.next() {
		return
	}
	before := len(w.found)
	for i := range r.required {
		r.required[i].check(m, s, w)
	}
	for i := range r.formats {
		r.formats[i].check(m, s.mask, w)
	}
	w.checkOwn(r.own.Fields, m, s)
	for i := range r.nested {
		r.checkNested(&r.nested[i], m, s, w)
	}
	if len(w.found) == before && s.mask.all() {
		w.checkOwn(r.own.Message, m, s)
	}
}

// checkNested collects what is wrong with the messages in a field.
func (r *messageRules) checkNested(n *nestedRules, m protoreflect.Message, s *scope, w *walk) {
	part, covers := s.mask.of(string(n.field.Name()))
	if covers == coversNothing || !w.on() {
		return
	}
	inner := scope{mask: part, creating: s.creating, updating: s.updating, unmasked: s.unmasked}
	inner.redacted = s.redacted || n.redacted
	if len(n.hoisted) > 0 {
		inner.batch, inner.hoisted = m, n.hoisted
	}
	switch {
	case n.field == r.creates:
		inner.creating, inner.resource = true, true
	case r.update != nil && n.field == r.update.resource && covers == coversAll:
		inner.update(r.update.read(m, s.shared), n.rules.update != nil)
	}
	switch {
	case !m.Has(n.field):
		if covers == coversPart {
			n.checkAbsent(m, &inner, w)
		}
	case n.field.IsList():
		n.checkList(m.Get(n.field).List(), &inner, w)
	case n.field.IsMap():
		*w = n.checkMap(m.Get(n.field).Map(), inner, *w)
	default:
		n.checkAt(pathStep{name: n.field.Name(), index: noIndex}, m.Get(n.field), &inner, w)
	}
}

// read returns what a message updates; what it does not say is what its batch says.
func (u *updateRule) read(m protoreflect.Message, batch *updateScope) (found updateScope) {
	if m.Has(u.mask) {
		found.mask, found.given = readMask(m.Get(u.mask).Message())
	}
	found.allowMissing = u.allowMissing != nil && m.Get(u.allowMissing).Bool()
	if batch != nil {
		if !found.given {
			found.mask, found.given = batch.mask, batch.given
		}
		found.allowMissing = found.allowMissing || batch.allowMissing
	}
	return found
}

// update makes the scope that of a resource that is updated, or of a child of a batch of updates.
//
// Without a mask all of the resource counts, since the server may replace it; a client that does
// not want that can send a mask. A resource that may be missing (AIP-134, allow_missing) needs all
// that a create needs.
func (s *scope) update(u updateScope, isBatch bool) {
	if isBatch {
		if u.given || u.allowMissing {
			s.shared = &updateScope{u.mask, u.given, u.allowMissing}
		}
		return
	}
	s.updating, s.resource = true, true
	s.unmasked = !u.given && !u.allowMissing
	if u.given && !u.allowMissing {
		s.mask = u.mask
	}
}

// checkAbsent collects what is wrong with a message that is not there, although the mask names
// fields in it: to update them is to clear them.
func (n *nestedRules) checkAbsent(m protoreflect.Message, s *scope, w *walk) {
	if n.field.IsList() || n.field.IsMap() {
		return
	}
	if oneof := n.field.ContainingOneof(); oneof != nil && m.WhichOneof(oneof) != nil {
		return // another member takes its place
	}
	n.checkAt(pathStep{name: n.field.Name(), index: noIndex}, m.Get(n.field), s, w)
}

func (n *nestedRules) checkList(list protoreflect.List, s *scope, w *walk) {
	var covers coverage
	if s.mask, covers = s.mask.ofElements(); covers == coversNothing {
		return
	}
	for i := 0; i < list.Len() && w.on(); i++ {
		n.checkAt(pathStep{name: n.field.Name(), index: i}, list.Get(i), s, w)
	}
}

// checkMap takes and returns copies: the closure moves them to the heap, which other checks should
// not pay for.
func (n *nestedRules) checkMap(values protoreflect.Map, s scope, w walk) walk {
	named := s.mask
	values.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		covers := coversAll
		if !named.all() {
			s.mask, covers = named.ofKey(k.String())
		}
		if covers != coversNothing {
			n.checkAt(pathStep{name: n.field.Name(), index: noIndex, key: k}, v, &s, &w)
		}
		return w.on()
	})
	return w
}

func (n *nestedRules) checkAt(step pathStep, value protoreflect.Value, s *scope, w *walk) {
	if n.entry == EnterSet && n.field.Cardinality() == protoreflect.Repeated && isEmpty(value.Message()) {
		return
	}
	step.redacted = n.redacted
	if len(w.path) == maxNesting {
		w.add(step, "it is nested more than "+strconv.Itoa(maxNesting)+" messages deep", "TOO_DEEP")
		return
	}
	w.path = append(w.path, step)
	n.rules.check(value.Message(), s, w)
	w.path = w.path[:len(w.path)-1]
}

// ChecksOf returns the check of such rules of a message and of the messages in it; nil if there are
// none. Its error names every message whose rules are wrong.
func ChecksOf(desc protoreflect.MessageDescriptor, others Rules) (Check, error) {
	g := newRuleGraph(others)
	rules := g.root(desc)
	return rules.checkFunc(), errors.Join(g.errs...)
}

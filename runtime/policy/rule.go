package policy

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// rule is a field of grpcservice.v1.Policy: options that are set and overridden together. All
// functions may be nil.
type rule struct {
	name    string
	options []option[Policy] // one of the rule's own name where that has no fields

	// fits returns why a method cannot have the rule, or "".
	fits func(m Method) string
	// asks reports whether options that set the rule enable it: some disable it.
	asks func(p *grpcservicev1.Policy) bool
	// holds reports whether a method has the rule, by its options or its messages.
	holds func(m Method, p *grpcservicev1.Policy) bool
	// has reports whether a policy has the rule, so that options can express it.
	has func(p *Policy) bool
	// prepare and complete run before and after the options are decoded.
	prepare, complete func(m Method, p *Policy)
	// take copies the rule from another policy; nil copies each option.
	take func(to, from *Policy)
	// follow changes options of a table that, if unset, follow others that a layer over it sets.
	follow func(row, over *grpcservicev1.Policy)
	// check reports contradictions between the options of the rule, and missing reports what they
	// lack.
	check, missing func(f *faults, p *grpcservicev1.Policy)

	rival      string // the rule that it takes the place of, and that takes its place
	isWhole    bool   // whether it is replaced as a whole, and not field by field
	isApart    bool   // whether each of its options is overridden by itself
	isOptional bool   // whether a method can be without it, which reports say
	isLive     bool   // whether a running server may change it
	isPattern  bool   // whether it is about a pattern, with an option off

	isOfService bool // whether it is about a service as a whole, so that no method can have it
	isOfMethod  bool // whether each method must have it by itself, in its proto or in a policy file
}

// message returns the message with the options of a rule; it must not be modified.
func (r rule) message(p *grpcservicev1.Policy) protoreflect.Message {
	m := p.ProtoReflect()
	if fd := fieldOf(m, r.name); fd.Message() != nil && !fd.IsList() {
		return m.Get(fd).Message()
	}
	return m
}

// path returns the path of an option of the rule.
func (r rule) path(option string) string {
	if option == r.name {
		return option
	}
	return r.name + "." + option
}

// spoken reports whether options mention the rule.
func (r rule) spoken(p *grpcservicev1.Policy) bool {
	m := p.ProtoReflect()
	return m.IsValid() && m.Has(fieldOf(m, r.name))
}

// asked reports whether options mention the rule and enable it.
func (r rule) asked(p *grpcservicev1.Policy) bool {
	return r.spoken(p) && (r.asks == nil || r.asks(p))
}

// clear removes the options of the rule.
func (r rule) clear(p *grpcservicev1.Policy) {
	m := p.ProtoReflect()
	m.Clear(fieldOf(m, r.name))
}

// build sets the rule from merged options.
func (r rule) build(m Method, said *grpcservicev1.Policy, p *Policy) {
	if r.holds != nil && !r.holds(m, said) {
		return
	}
	if r.prepare != nil {
		r.prepare(m, p)
	}
	decodeInto(p, r.options, r.message(said))
	if r.complete != nil {
		r.complete(m, p)
	}
}

// say is the reverse of build.
func (r rule) say(p *Policy, said *grpcservicev1.Policy) {
	if r.has != nil && !r.has(p) {
		return
	}
	m := said.ProtoReflect()
	if fd := fieldOf(m, r.name); fd.Message() != nil && !fd.IsList() {
		m = m.Mutable(fd).Message()
	}
	encodeInto(p, r.options, m)
}

// misfit reports options that do not apply to methods of this kind.
func (r rule) misfit(f *faults, m Method, said *grpcservicev1.Policy) {
	if r.fits != nil && r.asked(said) {
		if why := r.fits(m); why != "" {
			f.add(r.name, "%s", why)
		}
	}
	wrong, right := r.forCalls(m)
	message := r.message(said)
	for _, name := range wrong {
		fd := fieldOf(message, name)
		switch {
		case !message.Has(fd) || message.Get(fd).String() == "":
		case len(right) == 0:
			f.add(r.path(name), "it is for %s; remove it", r.option(name).of)
		default:
			f.add(r.name, "%s are for %s; set %s",
				strings.Join(wrong, " and "), r.option(name).of, strings.Join(right, " and "))
			return
		}
	}
}

// fit removes options that do not apply to methods of this kind.
func (r rule) fit(m Method, said *grpcservicev1.Policy) {
	if r.fits != nil && r.fits(m) != "" {
		r.clear(said)
	}
	if wrong, _ := r.forCalls(m); len(wrong) > 0 && r.spoken(said) {
		message := r.message(said)
		for _, name := range wrong {
			message.Clear(fieldOf(message, name))
		}
	}
}

// forCalls returns the options of the rule that apply only to other methods, and those that apply
// only to methods such as m.
func (r rule) forCalls(m Method) (wrong, right []string) {
	for _, o := range r.options {
		switch {
		case o.of == 0:
		case o.of.have(m):
			right = append(right, o.name)
		default:
			wrong = append(wrong, o.name)
		}
	}
	return wrong, right
}

// option returns the option with a name, or the zero option.
func (r rule) option(name string) option[Policy] {
	for _, o := range r.options {
		if o.name == name {
			return o
		}
	}
	return option[Policy]{}
}

// table holds all rules in the order of their numbers.
type table []rule

// of returns the rule with a name, or the zero rule.
func (t table) of(name string) rule {
	for _, r := range t {
		if r.name == name {
			return r
		}
	}
	return rule{}
}

// patterns returns the rules of patterns.
func (t table) patterns() (patterns []rule) {
	for _, r := range t {
		if r.isPattern {
			patterns = append(patterns, r)
		}
	}
	return patterns
}

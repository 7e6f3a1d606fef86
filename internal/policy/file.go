package policy

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// File is a policy file: it sets the rules of options.proto for protos that cannot be edited, or
// for all methods at once.
type File struct {
	path     string
	complete bool     // whether every run sees all services that the file names
	entries  []*entry // in file order, one per pattern
	problems diag.List
}

// entry collects what a file sets for the methods of one pattern.
type entry struct {
	pattern selector
	place   diag.Position // where the pattern occurs first
	policy  *grpcservicev1.Policy
	fields  map[string]diag.Position // where each field is set
	faulty  bool
}

// Problems returns the problems of the file itself, regardless of the protos.
func (f *File) Problems() diag.List {
	if f == nil {
		return nil
	}
	return f.problems
}

// Path returns the path of the file, or "".
func (f *File) Path() string {
	if f == nil {
		return ""
	}
	return f.path
}

// sources returns the policies that the file sets for a method, the widest pattern first.
func (f *File) sources(service protoreflect.FullName, method protoreflect.Name) (sources []source) {
	if f == nil {
		return nil
	}
	for _, e := range f.entries {
		if !e.faulty && e.pattern.matches(string(service), string(method)) {
			sources = append(sources, source{
				kind: "policy file", pattern: e.pattern.text, policy: e.policy, wide: !e.pattern.isExact(), place: e.placeOf,
			})
		}
	}
	slices.SortStableFunc(sources, func(a, b source) int { return specificity(a.pattern) - specificity(b.pattern) })
	return sources
}

// placeOf returns where a field is set, or else where its closest enclosing message is.
func (e *entry) placeOf(field string) diag.Position {
	for field != "" {
		if place, found := e.fields[field]; found {
			return place
		}
		field = field[:max(0, strings.LastIndexAny(field, ".["))]
	}
	return e.place
}

// add adds a rule for the methods of a pattern. It reports the fields that the file already sets
// for them.
func (f *File) add(p selector, r rule) {
	i := slices.IndexFunc(f.entries, func(e *entry) bool { return e.pattern == p })
	if i < 0 {
		i = len(f.entries)
		f.entries = append(f.entries, &entry{pattern: p, place: r.places[p], policy: &grpcservicev1.Policy{}, fields: make(map[string]diag.Position)})
	}
	e := f.entries[i]
	conflicts := overlap(e.policy, r.policy)
	for _, field := range conflicts {
		f.problems.Errorf(r.fields[field], "%s: it is already set for %s (%s); remove one of them", field, p.text, e.placeOf(field))
	}
	if len(conflicts) == 0 {
		e.add(r)
	}
}

// check reports the problems in the policy of each pattern.
func (f *File) check() {
	for _, e := range f.entries {
		check := policy.CheckWide
		if e.pattern.isExact() {
			check = policy.Check
		}
		for _, fault := range check(e.policy) {
			e.faulty = true
			f.problems.Errorf(e.placeOf(fault.Field), "%s", fault.Error())
		}
	}
}

// rule is one rule of a policy file: a policy, and the methods it applies to.
type rule struct {
	policy   *grpcservicev1.Policy
	fields   map[string]diag.Position
	patterns []selector
	places   map[selector]diag.Position
}

// add merges a rule into the other rules with the same pattern.
func (e *entry) add(r rule) {
	proto.Merge(e.policy, r.policy)
	for field, place := range r.fields {
		if _, found := e.fields[field]; !found {
			e.fields[field] = place
		}
	}
}

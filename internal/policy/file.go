package policy

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// File is a policy file: the rules of options.proto for protos that one cannot edit, or for all methods at once.
type File struct {
	path     string
	complete bool     // whether a run sees all services that the file speaks of
	entries  []*entry // in the order of the file, each pattern once
	problems diag.List
}

// entry is all that a file says of the methods of one pattern.
type entry struct {
	pattern selector
	place   diag.Position // where the pattern stands first
	policy  *grpcservicev1.Policy
	fields  map[string]diag.Position // where each field is set
	faulty  bool
}

// Problems returns what is wrong with the file by itself.
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

// sources returns what the file says of a method, the wider patterns first.
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

// placeOf returns where a field is set, or the message that it is missing in.
func (e *entry) placeOf(field string) diag.Position {
	for field != "" {
		if place, found := e.fields[field]; found {
			return place
		}
		field = field[:max(0, strings.LastIndexAny(field, ".["))]
	}
	return e.place
}

// add adds a rule for the methods of a pattern; what the file has said of them already is a problem.
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

// check reports what is wrong with the policy of each pattern.
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

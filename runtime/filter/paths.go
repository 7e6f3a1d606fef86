package filter

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// paths is a set of fields, as a tree of their names.
type paths struct {
	list  []string // as given; set at the root only
	named bool     // the field at this node is in the set
	inner map[protoreflect.Name]*paths
}

func newPaths(list []string) *paths {
	root := &paths{list: append([]string{}, list...)}
	for _, path := range list {
		at := root
		for name := range strings.SplitSeq(path, ".") {
			at = at.add(protoreflect.Name(name))
		}
		at.named = true
	}
	return root
}

func (p *paths) add(name protoreflect.Name) *paths {
	if p.inner == nil {
		p.inner = make(map[protoreflect.Name]*paths)
	}
	if p.inner[name] == nil {
		p.inner[name] = new(paths)
	}
	return p.inner[name]
}

// check returns what is wrong with the paths.
func (p *paths) check(message protoreflect.MessageDescriptor) error {
	if p == nil {
		return nil
	}
	var errs []error
	for _, path := range p.list {
		if !exists(message, strings.Split(path, ".")) {
			errs = append(errs, fmt.Errorf("filter: %s has no field %q; write paths of fields of the proto", message.FullName(), path))
		}
	}
	return errors.Join(errs...)
}

// exists reports whether the message has a field at the path, which may lead through lists and the
// values of maps.
func exists(message protoreflect.MessageDescriptor, names []string) bool {
	field := message.Fields().ByName(protoreflect.Name(names[0]))
	if field == nil || len(names) == 1 {
		return field != nil
	}
	if field.IsMap() {
		field = field.MapValue()
	}
	return field.Message() != nil && exists(field.Message(), names[1:])
}

// scope is a place in a message, relative to a set of fields. Its cost does not depend on the depth
// of the place.
type scope struct {
	set    *paths // the part of the set at this place; nil if empty
	within bool   // a field of the set contains this place
}

// scopeOf returns the scope of a whole message. A nil set contains all of it.
func scopeOf(set *paths) scope { return scope{set, set == nil} }

// field returns the scope of a field. It reports whether the set contains the field, and whether
// the set contains the field or a field in it.
func (s scope) field(field protoreflect.FieldDescriptor) (inner scope, has, leads bool) {
	inner.within = s.within
	if s.set != nil {
		inner.set = s.set.inner[field.Name()]
	}
	named := inner.set != nil && inner.set.named
	has = named || s.within && !redacted(field)
	inner.within = s.within || named
	return inner, has, has || inner.set != nil && len(inner.set.inner) > 0
}

// redacted reports whether the field has the option debug_redact: its values are confidential,
// and a filter that can compare them can reveal them.
func redacted(field protoreflect.FieldDescriptor) bool {
	options, _ := field.Options().(*descriptorpb.FieldOptions)
	return options.GetDebugRedact()
}

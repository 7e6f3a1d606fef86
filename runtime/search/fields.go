package search

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
	"github.com/grpcservice/grpcservice/runtime/internal/fieldvalue"
)

// Fields names the fields of a search: paths of proto names, with dots into nested messages
// ("query.limit"). Generated code sets them. If a path does not exist, every use of the method
// returns INTERNAL, and the log names the path.
type Fields struct {
	// Limit is the request's maximum number of results, of any integer type or wrapper. Optional.
	Limit string
	// Items is the response's list of results; see [OfItems].
	Items string
}

// path leads from a message to a field in it or in a nested message.
type path []protoreflect.FieldDescriptor

func (p path) last() protoreflect.FieldDescriptor { return p[len(p)-1] }

// facts is what a method resolves on first use.
type facts[T any] struct {
	names   Fields
	limit   path // empty if there is none
	items   path // empty if responses are results themselves
	convert fieldvalue.Converter[T]
	size    func(T) int // of an item in the list of a response, in bytes
}

func newFacts[T any](names Fields, req, resp protoreflect.MessageDescriptor) (f *facts[T], err error) {
	f = &facts[T]{names: names}
	if names.Limit != "" {
		if f.limit, err = limitPath(req, names.Limit); err != nil {
			return nil, err
		}
	}
	if names.Items == "" {
		return f, nil
	}
	if f.items, err = fieldpath.Find(resp, names.Items); err != nil {
		return nil, err
	}
	list := f.items.last()
	if !list.IsList() {
		return nil, fmt.Errorf("%s is %s, not a list", list.FullName(), fieldvalue.KindOf(list))
	}
	if f.convert, err = fieldvalue.To[T](list); err != nil {
		return nil, err
	}
	f.size = sizeOf[T](list)
	return f, nil
}

// limitPath finds a field of any integer type. For a wrapper of google.protobuf, the path leads to
// the number in it.
func limitPath(req protoreflect.MessageDescriptor, name string) (path, error) {
	p, err := fieldpath.Find(req, name)
	if err != nil {
		return nil, err
	}
	last := p[len(p)-1]
	if wrapper := last.Message(); wrapper != nil && !last.IsList() && wrapper.ParentFile().Path() == "google/protobuf/wrappers.proto" {
		p = append(p, wrapper.Fields().ByName("value"))
	}
	return p, fieldvalue.CheckNumber(name, p[len(p)-1])
}

// number returns the integer in the field of m.
func (p path) number(m protoreflect.Message) int64 {
	for _, field := range p[:len(p)-1] {
		m = m.Get(field).Message()
	}
	return fieldvalue.Number(m.Get(p.last()))
}

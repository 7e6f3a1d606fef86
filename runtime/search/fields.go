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

// facts is what a method resolves on first use.
type facts[T any] struct {
	names   Fields
	limit   fieldpath.Path // empty if there is none
	items   fieldpath.Path // empty if responses are results themselves
	convert fieldvalue.Converter[T]
	size    func(T) int // of an item in the list of a response, in bytes
}

func newFacts[T any](names Fields, req, resp protoreflect.MessageDescriptor) (f *facts[T], err error) {
	f = &facts[T]{names: names}
	if names.Limit != "" {
		if f.limit, err = fieldpath.Integer(req, names.Limit); err != nil {
			return nil, err
		}
	}
	if names.Items == "" {
		return f, nil
	}
	if f.items, err = fieldpath.Find(resp, names.Items); err != nil {
		return nil, err
	}
	list := f.items.Last()
	if !list.IsList() {
		return nil, fmt.Errorf("%s is %s, not a list", list.FullName(), fieldpath.TypeOf(list))
	}
	if f.convert, err = fieldvalue.To[T](list); err != nil {
		return nil, err
	}
	f.size = sizeOf[T](list)
	return f, nil
}

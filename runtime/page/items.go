package page

import (
	"cmp"
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
	"github.com/grpcservice/grpcservice/runtime/internal/fieldvalue"
)

// Entry is an item of a page that is a map.
type Entry[K comparable, V any] struct {
	Key   K
	Value V
}

// putter appends items to a field of a response.
type putter[T any] func(m protoreflect.Message, items []T) error

// listPutter returns the putter of a list.
func listPutter[T any](field protoreflect.FieldDescriptor) (putter[T], error) {
	if !field.IsList() {
		return nil, fmt.Errorf("%s is %s, not a list", field.FullName(), fieldpath.TypeOf(field))
	}
	convert, err := fieldvalue.To[T](field)
	if err != nil {
		return nil, err
	}
	return func(m protoreflect.Message, items []T) error {
		list := m.Mutable(field).List()
		for i, item := range items {
			value, ok := convert(item)
			if !ok {
				return fmt.Errorf("item %d of the page is nil", i)
			}
			list.Append(value)
		}
		return nil
	}, nil
}

// mapPutter returns the putter of a map.
func mapPutter[K comparable, V any](field protoreflect.FieldDescriptor) (putter[Entry[K, V]], error) {
	if !field.IsMap() {
		return nil, fmt.Errorf("%s is %s, not a map", field.FullName(), fieldpath.TypeOf(field))
	}
	convertKey, err := fieldvalue.To[K](field.MapKey())
	if err != nil {
		return nil, err
	}
	convert, err := fieldvalue.To[V](field.MapValue())
	if err != nil {
		return nil, err
	}
	return func(m protoreflect.Message, items []Entry[K, V]) error {
		entries := m.Mutable(field).Map()
		for _, item := range items {
			key, _ := convertKey(item.Key) // keys are never nil
			value, ok := convert(item.Value)
			if !ok {
				return fmt.Errorf("the item %v of the page is nil", item.Key)
			}
			if entries.Has(key.MapKey()) {
				return fmt.Errorf("the item %v is on the page twice", item.Key)
			}
			entries.Set(key.MapKey(), value)
		}
		return nil
	}, nil
}

// entriesOf returns the entries of a map in the order of their keys.
func entriesOf[K comparable, V any](items map[K]V) []Entry[K, V] {
	entries := make([]Entry[K, V], 0, len(items))
	for key, value := range items {
		entries = append(entries, Entry[K, V]{key, value})
	}
	slices.SortFunc(entries, func(a, b Entry[K, V]) int { return compareKeys(a.Key, b.Key) })
	return entries
}

// compareKeys compares two keys of a message's map.
func compareKeys(a, b any) int {
	switch a := a.(type) {
	case int32:
		return compareTo(a, b)
	case int64:
		return compareTo(a, b)
	case uint32:
		return compareTo(a, b)
	case uint64:
		return compareTo(a, b)
	case string:
		return compareTo(a, b)
	case bool:
		if a {
			return 1 // the other is false, because keys differ
		}
	}
	return -1
}

func compareTo[K cmp.Ordered](a K, b any) int {
	other, _ := b.(K)
	return cmp.Compare(a, other)
}

package batch

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// perItem has an item with a result or a status for each item of the request.
type perItem[Resp any, C comparable, Item, R any] struct {
	results path
	status  *statusField
	field   protoreflect.FieldDescriptor // of the result in an item
	value   values[R]
	get     func(*Resp) []*Item
	getItem func(*Item) R
}

func newPerItem[Resp any, C comparable, Item, R any](
	resp protoreflect.MessageDescriptor, fields Fields, get func(*Resp) []*Item, getItem func(*Item) R,
) (shape[Resp, C, R], error) {
	results, err := findList(resp, fields.Results)
	if err != nil {
		return nil, err
	}
	if _, err := valuesOf[*Item](results.last()); err != nil {
		return nil, err
	}
	s := &perItem[Resp, C, Item, R]{results: results, get: get, getItem: getItem}
	item := results.last().Message()
	if s.status, err = findStatus(messageOf(new(Item)), fields.Status); err != nil {
		return nil, err
	}
	if s.field = item.Fields().ByName(protoreflect.Name(fields.Value)); s.field == nil {
		return nil, fmt.Errorf("%s has no field %q", item.FullName(), fields.Value)
	}
	s.value, err = valuesOf[R](s.field)
	return s, err
}

func (s *perItem[Resp, C, Item, R]) mode() mode           { return eachAlone }
func (s *perItem[Resp, C, Item, R]) fields() []path       { return []path{s.results} }
func (s *perItem[Resp, C, Item, R]) absent(result R) bool { return s.value.absent(result) }

func (s *perItem[Resp, C, Item, R]) response(o *outcomes[C, R]) *Resp {
	resp := new(Resp)
	if o.len() == 0 {
		return resp
	}
	items := make([]Item, o.len()) // one allocation instead of one per item
	list := s.results.list(messageOf(resp))
	for i := range items {
		item := messageOf(&items[i])
		if result, err := o.child(i); err != nil {
			s.status.set(item, rpcerr.PublicStatus(err))
		} else {
			item.Set(s.field, s.value.of(result))
		}
		list.Append(protoreflect.ValueOfMessage(item))
	}
	return resp
}

func (s *perItem[Resp, C, Item, R]) size(resp *Resp, _ *outcomes[C, R]) int { return sizeOf(resp) }

// fit shortens the statuses, and drops the largest results as long as needed.
func (s *perItem[Resp, C, Item, R]) fit(resp *Resp, maxBytes int) bool {
	items := s.get(resp)
	sizes := make([]int, len(items)) // of those with results
	for i, item := range items {
		if item := messageOf(item); s.status.get(item) != nil {
			s.status.shorten(item)
		} else {
			sizes[i] = proto.Size(item.Interface())
		}
	}
	largest := indexes(len(items))
	slices.SortStableFunc(largest, func(a, b int) int { return sizes[b] - sizes[a] })
	excess := sizeOf(resp) - maxBytes
	for _, i := range largest {
		if excess <= 0 || sizes[i] == 0 {
			break
		}
		item := messageOf(items[i])
		item.Clear(s.field)
		s.status.set(item, errLeftOut.GRPCStatus())
		excess -= sizes[i] - proto.Size(item.Interface())
	}
	return sizeOf(resp) <= maxBytes
}

func (s *perItem[Resp, C, Item, R]) read(resp *Resp, children []C) (outcomeFunc[R], error) {
	items := s.get(resp)
	if err := sameNumber(len(children), len(items)); err != nil {
		return nil, err
	}
	return func(i int) (result R, err error) {
		if err := s.status.get(messageOf(items[i])); err != nil {
			return result, err
		}
		result = s.getItem(items[i])
		if s.value.absent(result) {
			return result, misuse("the server returned an item with neither a result nor a status")
		}
		return result, nil
	}, nil
}

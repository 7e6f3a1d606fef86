package batch

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// keyed has a map of results by item, and may list missing items.
type keyed[Resp any, C comparable, R any] struct {
	results path
	key     values[C]
	value   values[R]
	missing path // nil without one
	get     func(*Resp) map[C]R
}

func newKeyed[Resp any, C comparable, R any](resp protoreflect.MessageDescriptor, fields Fields, get func(*Resp) map[C]R) (shape[Resp, C, R], error) {
	results, err := findPath(resp, fields.Results)
	if err != nil {
		return nil, err
	}
	if results == nil || !results.last().IsMap() {
		return nil, fmt.Errorf("%q of %s is not a map", fields.Results, resp.FullName())
	}
	s := &keyed[Resp, C, R]{results: results, get: get}
	if s.key, err = valuesOf[C](results.last().MapKey()); err != nil {
		return nil, err
	}
	if s.value, err = valuesOf[R](results.last().MapValue()); err != nil {
		return nil, err
	}
	if fields.Missing == "" {
		return s, nil
	}
	if s.missing, err = findList(resp, fields.Missing); err != nil {
		return nil, err
	}
	_, err = valuesOf[C](s.missing.last())
	return s, err
}

func (s *keyed[Resp, C, R]) mode() mode           { return foundByKey }
func (s *keyed[Resp, C, R]) absent(result R) bool { return s.value.absent(result) }
func (s *keyed[Resp, C, R]) fit(*Resp, int) bool  { return false }

func (s *keyed[Resp, C, R]) fields() []path {
	if s.missing == nil {
		return []path{s.results}
	}
	return []path{s.results, s.missing}
}

func (s *keyed[Resp, C, R]) response(o *outcomes[C, R]) *Resp {
	resp := new(Resp)
	found := 0
	for i := range o.distinct {
		if o.err(i) == nil {
			found++
		}
	}
	if found > 0 {
		s.fill(resp, o, found)
	}
	if s.missing != nil && found < len(o.distinct) {
		s.list(resp, o)
	}
	return resp
}

// fill writes the map. If the getter returns the map itself, fill writes to it, which is faster
// than reflection.
func (s *keyed[Resp, C, R]) fill(resp *Resp, o *outcomes[C, R], found int) {
	byKey := s.results.holder(messageOf(resp)).Mutable(s.results.last()).Map()
	if results := s.get(resp); results != nil {
		for i, child := range o.distinct {
			if o.err(i) == nil {
				results[child] = o.results[i]
			}
		}
	}
	if byKey.Len() == found {
		return
	}
	for i, child := range o.distinct {
		if o.err(i) == nil {
			byKey.Set(s.key.of(child).MapKey(), s.value.of(o.results[i]))
		}
	}
}

// list writes the missing items.
func (s *keyed[Resp, C, R]) list(resp *Resp, o *outcomes[C, R]) {
	missing := s.missing.list(messageOf(resp))
	for i, child := range o.distinct {
		if o.err(i) != nil {
			missing.Append(s.key.of(child))
		}
	}
}

// size adds up the sizes of the items: proto.Size of a map allocates for each.
func (s *keyed[Resp, C, R]) size(_ *Resp, o *outcomes[C, R]) (size int) {
	const around = 64 // the lengths of messages around the map
	size = around
	for i, child := range o.distinct {
		if key := s.key.size(child) + 1; o.err(i) == nil { // the other list's tag may be longer
			size += protowire.SizeTag(s.results.last().Number()) + protowire.SizeBytes(key+s.value.size(o.results[i]))
		} else if s.missing != nil {
			size += key
		}
	}
	return size
}

func (s *keyed[Resp, C, R]) read(resp *Resp, children []C) (outcomeFunc[R], error) {
	results := s.get(resp)
	return func(i int) (result R, err error) {
		result, ok := results[children[i]]
		if !ok {
			return result, itemNotFound(children[i])
		}
		return result, nil
	}, nil
}

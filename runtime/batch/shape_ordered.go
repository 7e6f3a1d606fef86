package batch

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ordered has each result at the index of its item.
type ordered[Resp any, C comparable, R any] struct {
	results path
	value   values[R]
	get     func(*Resp) []R
}

func newOrdered[Resp any, C comparable, R any](resp protoreflect.MessageDescriptor, fields Fields, get func(*Resp) []R) (shape[Resp, C, R], error) {
	results, err := findList(resp, fields.Results)
	if err != nil {
		return nil, err
	}
	value, err := valuesOf[R](results.last())
	if err != nil {
		return nil, err
	}
	return &ordered[Resp, C, R]{results: results, value: value, get: get}, nil
}

func (s *ordered[Resp, C, R]) mode() mode           { return allOrNone }
func (s *ordered[Resp, C, R]) fields() []path       { return []path{s.results} }
func (s *ordered[Resp, C, R]) absent(result R) bool { return s.value.absent(result) }
func (s *ordered[Resp, C, R]) fit(*Resp, int) bool  { return false }

func (s *ordered[Resp, C, R]) response(o *outcomes[C, R]) *Resp {
	resp := new(Resp)
	if o.len() == 0 {
		return resp
	}
	list := s.results.list(messageOf(resp))
	for i := range o.len() {
		result, _ := o.child(i)
		list.Append(s.value.of(result))
	}
	return resp
}

func (s *ordered[Resp, C, R]) size(resp *Resp, _ *outcomes[C, R]) int { return sizeOf(resp) }

func (s *ordered[Resp, C, R]) read(resp *Resp, children []C) (outcomeFunc[R], error) {
	results := s.get(resp)
	if err := sameNumber(len(children), len(results)); err != nil {
		return nil, err
	}
	return func(i int) (R, error) { return results[i], nil }, nil
}

// sameNumber returns an error if the server returned another number of results, which cannot be
// matched to items.
func sameNumber(children, results int) error {
	if children != results {
		return misuse("the server returned %d results for %d items", results, children)
	}
	return nil
}

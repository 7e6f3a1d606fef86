package batch

import (
	"context"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/msgsize"
)

// part returns a request for some items, with the other fields of req.
func (p *plan[Resp, C, R]) part(req protoreflect.Message, children []C) protoreflect.Message {
	part := p.children.without(req)
	if len(children) > 0 {
		list := p.children.list(part)
		for _, child := range children {
			list.Append(p.child.of(child))
		}
	}
	return part
}

// ask calls s with a request for items, and checks the response.
func (m *Method[S, Req, Resp, C, R]) ask(ctx context.Context, s S, req *Req, children []C) (*Resp, outcomeFunc[R], error) {
	p, err := m.plan()
	if err != nil {
		return nil, nil, err
	}
	resp, err := m.call(s, ctx, req)
	if err != nil {
		return nil, nil, err
	}
	if resp == nil {
		return nil, nil, misuse("%s returned neither a response nor an error", m.info.FullMethod)
	}
	outcome, err := p.shape.read(resp, children)
	if err == nil {
		err = m.leftOut(p, outcome, len(children))
	}
	return resp, outcome, err
}

// leftOut returns the error of the first item whose result did not fit into a response, if a
// request for fewer items helps.
func (m *Method[S, Req, Resp, C, R]) leftOut(p *plan[Resp, C, R], outcome outcomeFunc[R], n int) error {
	if p.shape.mode() != eachAlone || m.info.Policy.Idempotency != runtime.NoSideEffects || n <= 1 {
		return nil
	}
	for i := range n {
		if _, err := outcome(i); m.halves(err, n) {
			return err
		}
	}
	return nil
}

// join merges the responses of all parts: lists and maps are concatenated; other fields come from
// the first part that has them. It does not modify the responses.
func (p *plan[Resp, C, R]) join(responses []*Resp) *Resp {
	whole := new(Resp)
	for _, resp := range responses {
		merge(messageOf(whole), messageOf(resp), p.shape.fields())
	}
	return whole
}

// merge adds the fields of from to a message. It merges only the nested messages on the paths.
func merge(into, from protoreflect.Message, paths []path) {
	from.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		inner := below(paths, fd)
		switch {
		case fd.IsList():
			extend(into.Mutable(fd).List(), v.List())
		case fd.IsMap():
			to := into.Mutable(fd).Map()
			v.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
				to.Set(key, value)
				return true
			})
		case inner != nil:
			merge(into.Mutable(fd).Message(), v.Message(), inner)
		case !says(into, fd):
			into.Set(fd, v)
		}
		return true
	})
	if len(into.GetUnknown()) == 0 {
		into.SetUnknown(from.GetUnknown())
	}
}

// says reports whether a message has a field, or another field of its oneof.
func says(m protoreflect.Message, fd protoreflect.FieldDescriptor) bool {
	if oneof := fd.ContainingOneof(); oneof != nil {
		return m.WhichOneof(oneof) != nil
	}
	return m.Has(fd)
}

func extend(list, by protoreflect.List) {
	for i := range by.Len() {
		list.Append(by.Get(i))
	}
}

// below returns the rest of the paths that go through a field.
func below(paths []path, fd protoreflect.FieldDescriptor) (rest []path) {
	for _, p := range paths {
		if len(p) > 1 && p[0] == fd {
			rest = append(rest, p[1:])
		}
	}
	return rest
}

// halves reports whether a failed call for n items is repeated for each half of them.
func (m *Method[S, Req, Resp, C, R]) halves(err error, n int) bool {
	return err != nil && n > 1 && m.info.Policy.Idempotency == runtime.NoSideEffects && msgsize.Exceeded(err, ReasonResponseTooLarge)
}

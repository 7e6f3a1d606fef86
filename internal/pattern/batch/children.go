package batch

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// findChildren finds the items of a batch: the requests or IDs for each of which it does what
// another method does for one.
func (b *batcher) findChildren() bool {
	if path, ok := b.use("children", b.said.Children, b.In, shape.ChildList); ok {
		b.batch.Children = path
		b.batch.Single = b.singleOf(path.Field())
		b.Reasons = append(b.Reasons, fmt.Sprintf("children: %s, %s", path, pattern.AsSaid))
		return true
	}
	c := b.chooseChildren()
	if c.Field == nil {
		b.missChildren()
		return false
	}
	b.batch.Children = shape.Path{c.Field}
	b.batch.Single = b.singleOf(c.Field)
	b.Found(c.Level, fmt.Sprintf("children: %s, %s", c.Field.Name(), c.Why))
	if c.Level < pattern.Certain {
		b.Advise("children", b.batch.Children)
	}
	return true
}

// missChildren reports a policy that names fields of a batch without items.
func (b *batcher) missChildren() {
	if field := b.firstNamed(); field != "" && !b.HasProblem(Name) {
		b.Problem(field, fmt.Sprintf("the list of children in %s was not detected; name it in batch.children", b.In.FullName()))
	}
}

// chooseChildren chooses the items among the lists of the request.
func (b *batcher) chooseChildren() pattern.Choice {
	if c := b.chooseRequests(); c.Field != nil {
		return c
	}
	words := shape.WordsOf(b.Desc.Name())
	if c := b.chooseIDs(); c.Field != nil && shape.IsBatchOfIDs(words) {
		return c
	}
	lists := shape.FieldsThat(b.In, shape.IsMessageList)
	switch {
	case len(lists) != 1 || !shape.IsBatchOfEntities(words):
		return pattern.Choice{}
	case !b.isNamedForMethod(lists[0]):
		return pattern.Choice{Field: lists[0], Level: pattern.Possible, Why: "the only list of messages, which are not what the method is about"}
	default:
		return pattern.Choice{Field: lists[0], Level: pattern.Likely, Why: "the only list of messages"}
	}
}

// isNamedForMethod reports whether a list, or the message of its elements, is named after the noun
// of the method. Other lists may be rules that the method applies. If the method's name has no
// noun, the results decide.
func (b *batcher) isNamedForMethod(f protoreflect.FieldDescriptor) bool {
	noun := shape.WordsOf(protoreflect.Name(b.noun()))
	if len(noun) == 0 {
		return b.Out.Fields().Len() > 0
	}
	return endsLike(shape.WordsOf(f.Name()), noun) || endsLike(noun, shape.WordsOf(f.Name())) ||
		endsLike(shape.WordsOf(f.Message().Name()), noun) || endsLike(noun, shape.WordsOf(f.Message().Name()))
}

// chooseRequests chooses a list of the requests of another method. The name of the method, or its
// results, must confirm the choice: a message without a request's name may be the request of an
// unrelated method.
func (b *batcher) chooseRequests() pattern.Choice {
	lists := shape.FieldsThat(b.In, func(f protoreflect.FieldDescriptor) bool { return shape.IsMessageList(f) && b.singleOf(f) != nil })
	field := shape.Only(lists, func(f protoreflect.FieldDescriptor) bool { return len(lists) == 1 || f.Name() == "requests" })
	if field == nil {
		return pattern.Choice{}
	}
	single := b.singleOf(field)
	c := pattern.Choice{Field: field, Level: pattern.Certain, Why: fmt.Sprintf("each a request of %s", single.Name())}
	isRequest, answers := isRequestName(field.Message()), b.answers(single)
	switch {
	case shape.IsBatchName(shape.WordsOf(b.Desc.Name())), isRequest && answers:
	case isRequest, answers:
		c.Level = pattern.Likely
	default:
		c.Level = pattern.Possible
	}
	return c
}

// answers reports whether the response has a list of the responses of another method.
func (b *batcher) answers(single protoreflect.MethodDescriptor) bool {
	lists := shape.FieldsThat(b.Out, func(f protoreflect.FieldDescriptor) bool {
		if !shape.IsMessageList(f) {
			return false
		}
		_, value := itemParts(f.Message())
		return f.Message() == single.Output() || len(value) > 0 && value.Field().Message() == single.Output()
	})
	return len(lists) > 0
}

// chooseIDs chooses the only list of scalars or, of several, the one with a name for IDs.
func (b *batcher) chooseIDs() pattern.Choice {
	lists := shape.FieldsThat(b.In, shape.IsList)
	scalars := shape.FieldsThat(b.In, shape.IsScalarList)
	ids := shape.Only(scalars, shape.IsIDName)
	if ids == nil { // an enum that qualifies the IDs, such as their type, may be named like them
		ids = shape.Only(scalars, func(f protoreflect.FieldDescriptor) bool { return shape.IsIDName(f) && f.Enum() == nil })
	}
	switch {
	case len(scalars) == 1 && len(lists) == 1:
		return pattern.Choice{Field: scalars[0], Level: pattern.Certain, Why: "the only list of scalars"}
	case ids != nil:
		return pattern.Choice{Field: ids, Level: pattern.Likely, Why: "the only list that is named like ids"}
	case len(scalars) > 0:
		return pattern.Choice{Field: scalars[0], Level: pattern.Possible, Why: "one of several lists"}
	default:
		return pattern.Choice{}
	}
}

// singleOf returns the method that does for one item what this method does for many: for items that
// are requests, the method that takes them and has a matching name; for IDs, the method with a
// matching name.
func (b *batcher) singleOf(children protoreflect.FieldDescriptor) (single protoreflect.MethodDescriptor) {
	child, words := children.Message(), shape.WithoutBatch(shape.WordsOf(b.Desc.Name()))
	if child == b.In && child != nil {
		return nil
	}
	for m := range b.Others() {
		isNamed := shape.SameThing(words, shape.WordsOf(m.Name()))
		switch {
		case child == nil && isNamed, child != nil && m.Input() == child && isNamed:
			return m
		case child != nil && m.Input() == child && single == nil && (isRequestName(child) || !shape.IsBatchName(shape.WordsOf(b.Desc.Name()))):
			single = m
		}
	}
	return single
}

// isRequestName reports whether a message is named like a request.
func isRequestName(m protoreflect.MessageDescriptor) bool {
	words := shape.WordsOf(m.Name())
	last := ""
	if len(words) > 0 {
		last = words[len(words)-1]
	}
	return last == "request" || last == "req"
}

package pattern

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// findChildren finds the children of a batch: the requests or ids of which it does each what another method does for one.
func (b *batcher) findChildren() bool {
	if path, ok := b.use("children", b.said.Children, b.in, childList); ok {
		b.batch.Children = path
		b.batch.Single = b.singleOf(path.Field())
		b.reasons = append(b.reasons, fmt.Sprintf("children: %s, %s", path, asSaid))
		return true
	}
	c := b.chooseChildren()
	if c.field == nil {
		b.missChildren()
		return false
	}
	b.batch.Children = Path{c.field}
	b.batch.Single = b.singleOf(c.field)
	b.found(c.level, fmt.Sprintf("children: %s, %s", c.field.Name(), c.why))
	if c.level < Certain {
		b.advise("children", b.batch.Children)
	}
	return true
}

// missChildren reports that a policy speaks of a batch that has no children.
func (b *batcher) missChildren() {
	if field := firstBatchName(b.said); field != "" && !b.hasProblem(PatternBatch) {
		b.problem(field, fmt.Sprintf("no list of %s is seen to be that of the children; name it in batch.children", b.in.FullName()))
	}
}

// chooseChildren chooses the children among the lists of the request.
func (b *batcher) chooseChildren() choice {
	if c := b.chooseRequests(); c.field != nil {
		return c
	}
	words := wordsOf(b.method.Name())
	if c := b.chooseIDs(); c.field != nil && isBatchOfIDs(words) {
		return c
	}
	lists := fieldsThat(b.in, isMessageList)
	switch {
	case len(lists) != 1 || !isBatchOfEntities(words):
		return choice{}
	case !b.isNamedForMethod(lists[0]):
		return choice{lists[0], Possible, "the only list of messages, which are not what the method is about"}
	default:
		return choice{lists[0], Likely, "the only list of messages"}
	}
}

// isNamedForMethod reports whether a list, or the message of its items, is named after what the method is about. Others may be
// the rules by which it works.
func (b *batcher) isNamedForMethod(f protoreflect.FieldDescriptor) bool {
	noun := wordsOf(protoreflect.Name(b.noun()))
	return len(noun) == 0 || endsLike(wordsOf(f.Name()), noun) || endsLike(noun, wordsOf(f.Name())) ||
		endsLike(wordsOf(f.Message().Name()), noun) || endsLike(noun, wordsOf(f.Message().Name()))
}

// chooseRequests chooses a list of the requests of another method. The name of the method, or its results, must bear it out;
// what is no request by its name may be the request of a method that has nothing to do with this one.
func (b *batcher) chooseRequests() choice {
	lists := fieldsThat(b.in, func(f protoreflect.FieldDescriptor) bool { return isMessageList(f) && b.singleOf(f) != nil })
	field := only(lists, func(f protoreflect.FieldDescriptor) bool { return len(lists) == 1 || f.Name() == "requests" })
	if field == nil {
		return choice{}
	}
	single := b.singleOf(field)
	c := choice{field, Certain, fmt.Sprintf("each a request of %s", single.Name())}
	isRequest, answers := isRequestName(field.Message()), b.answers(single)
	switch {
	case isBatchName(wordsOf(b.method.Name())), isRequest && answers:
	case isRequest, answers:
		c.level = Likely
	default:
		c.level = Possible
	}
	return c
}

// answers says whether the response has a list of the responses of another method.
func (d *detector) answers(single protoreflect.MethodDescriptor) bool {
	lists := fieldsThat(d.out, func(f protoreflect.FieldDescriptor) bool {
		if !isMessageList(f) {
			return false
		}
		_, value := itemParts(f.Message())
		return f.Message() == single.Output() || len(value) > 0 && value.Field().Message() == single.Output()
	})
	return len(lists) > 0
}

// chooseIDs chooses the one list of scalars, or of several the one that is named like ids.
func (b *batcher) chooseIDs() choice {
	lists := fieldsThat(b.in, isList)
	scalars := fieldsThat(b.in, isScalarList)
	ids := only(scalars, isIDName)
	if ids == nil { // what says what the ids are, as their types do, may be named like them
		ids = only(scalars, func(f protoreflect.FieldDescriptor) bool { return isIDName(f) && f.Enum() == nil })
	}
	switch {
	case len(scalars) == 1 && len(lists) == 1:
		return choice{scalars[0], Certain, "the only list of scalars"}
	case ids != nil:
		return choice{ids, Likely, "the only list that is named like ids"}
	case len(scalars) > 0:
		return choice{scalars[0], Possible, "one of several lists"}
	default:
		return choice{}
	}
}

// singleOf returns the method that does for one child what this one does for many: of those that take the child as their request
// the one that is named so, and of ids the one that is named so.
func (d *detector) singleOf(children protoreflect.FieldDescriptor) (single protoreflect.MethodDescriptor) {
	child, words := children.Message(), withoutBatch(wordsOf(d.method.Name()))
	if child == d.in && child != nil {
		return nil
	}
	for m := range d.others() {
		isNamed := sameThing(words, wordsOf(m.Name()))
		switch {
		case child == nil && isNamed, child != nil && m.Input() == child && isNamed:
			return m
		case child != nil && m.Input() == child && single == nil && (isRequestName(child) || !isBatchName(wordsOf(d.method.Name()))):
			single = m
		}
	}
	return single
}

// isRequestName says whether a message is named as requests are.
func isRequestName(m protoreflect.MessageDescriptor) bool {
	words := wordsOf(m.Name())
	last := ""
	if len(words) > 0 {
		last = words[len(words)-1]
	}
	return last == "request" || last == "req"
}

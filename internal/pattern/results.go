package pattern

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// findResults finds the results of the children, and how they belong to them; it says whether there is a batch.
func (b *batcher) findResults() bool {
	want := kind{b.isResults, "a repeated field, or a map by the type of the children"}
	if path, ok := b.use("results", b.said.Results, b.out, want); ok {
		b.findMode(path)
		return true
	}
	field, why := b.chooseResults()
	switch {
	case field != nil:
		b.findMode(Path{field})
		if !b.isResultName(field) {
			b.found(Possible, fmt.Sprintf("%s is named neither like the children nor like what the method is about", field.Name()))
			b.advise("results", b.batch.Results)
		}
	case len(fieldsThat(b.out, anyField.fits)) == 0 || b.mode == grpcservicev1.Batch_MODE_ATOMIC:
		b.findDone()
	default:
		b.missResults(why)
		return false
	}
	return true
}

// findDone takes a batch without results.
func (b *batcher) findDone() {
	if b.mode == grpcservicev1.Batch_MODE_KEYED || b.mode == grpcservicev1.Batch_MODE_PER_ITEM {
		b.problem("batch.mode", fmt.Sprintf("%s has no results; remove mode, or set MODE_ATOMIC", b.out.FullName()))
	}
	if b.said.GetMissing() != "" {
		b.problem("batch.missing", fmt.Sprintf("%s has no results, and only a map can be without some; remove missing", b.out.FullName()))
	}
	b.batch.Mode = Done
	b.found(Certain, "no results")
}

// refuseResults notes what the policy says of results where there can be none.
func (b *batcher) refuseResults(why string) {
	for _, part := range []struct {
		name string
		said bool
	}{
		{"results", b.said.Results != nil}, {"missing", b.said.GetMissing() != ""}, {"mode", b.mode != grpcservicev1.Batch_MODE_UNSPECIFIED},
	} {
		if part.said {
			b.problem(PatternBatch+"."+part.name, why)
		}
	}
}

// missResults reports that the results were not found, unless not even the children are likely.
func (b *batcher) missResults(why string) {
	field := firstBatchName(b.said)
	switch {
	case field != "" && !b.hasProblem(PatternBatch):
		b.problem(field, fmt.Sprintf("%s %s; name the results in batch.results, or set batch.mode to MODE_ATOMIC where there are none", b.out.FullName(), why))
	case field == "" && b.level() > Possible:
		b.found(Possible, fmt.Sprintf("%s %s", b.short(b.out), why))
		b.adviseResults()
		b.report(PatternBatch, b.evidence)
	}
}

// adviseResults advises to name one of several lists, or to have none where there is none; a list that cannot hold the results
// leaves nothing to advise.
func (b *batcher) adviseResults() {
	switch lists := fieldsThat(b.out, b.isResults); {
	case len(lists) > 1:
		b.advise("results", lists[:1])
	case len(fieldsThat(b.out, isList)) > 0:
		b.advice = nil
	default:
		b.advice = nil
		b.advise("children", b.batch.Children)
		b.advice = append(b.advice, "mode: MODE_ATOMIC")
	}
}

// chooseResults chooses the results among the lists and maps of the response, or says what is wrong with all of them. One that is
// named like results comes before one that is not.
func (b *batcher) chooseResults() (field protoreflect.FieldDescriptor, why string) {
	noun := b.noun()
	left := fieldsThat(b.out, func(f protoreflect.FieldDescriptor) bool {
		return b.isResults(f) && !isBeside(f, noun) && !isMissingName(f)
	})
	named := slices.DeleteFunc(slices.Clone(left), func(f protoreflect.FieldDescriptor) bool { return !b.isResultName(f) })
	for _, fields := range [][]protoreflect.FieldDescriptor{named, left} {
		for _, is := range []func(protoreflect.FieldDescriptor) bool{
			func(f protoreflect.FieldDescriptor) bool { return f.IsMap() && f.MapValue().Message() != nil },
			protoreflect.FieldDescriptor.IsMap,
			b.isSingleOutput,
			isMessageList,
		} {
			if f := only(fields, is); f != nil {
				return f, ""
			}
		}
	}
	return b.chooseNamedResults(left, noun)
}

// noun returns what a batch is about, as fields are spelled: users of BatchGetUsers.
func (b *batcher) noun() string {
	words := withoutBatch(wordsOf(b.method.Name()))
	return strings.Join(words[min(1, len(words)):], "_")
}

// Names that results have whatever they are results of.
var resultNames = []string{"result", "response", "reply", "item", "value", "entry", "outcome"}

// isResultName reports whether a field, or the message of its items, is named like results: after what the method is about (if its
// name says so), after the children, or as results are in general. A list that is not may have nothing to do with the children: regions that cover
// ranges, or further information.
func (b *batcher) isResultName(f protoreflect.FieldDescriptor) bool {
	names := [][]string{wordsOf(f.Name())}
	if m := itemMessage(f); m != nil {
		names = append(names, wordsOf(m.Name()))
	}
	things := b.things()
	return b.isSingleOutput(f) || b.noun() == "" || slices.ContainsFunc(names, func(name []string) bool {
		return slices.ContainsFunc(things, func(thing []string) bool { return endsLike(name, thing) || endsLike(thing, name) })
	})
}

// things returns the names that results may have.
func (b *batcher) things() (things [][]string) {
	for _, name := range resultNames {
		things = append(things, []string{name})
	}
	children := b.batch.Children.Field()
	names := []protoreflect.Name{children.Name()}
	if children.Message() != nil {
		names = append(names, children.Message().Name())
	} else if b.batch.Single != nil {
		names = append(names, b.batch.Single.Output().Name())
	}
	for _, name := range names {
		if words := withoutPart(wordsOf(name)); len(words) > 0 {
			things = append(things, words)
		}
	}
	if children.Message() == nil || b.isRequest(children) {
		things = append(things, wordsOf(protoreflect.Name(b.noun())))
	}
	return things
}

// isRequest reports whether children are requests of another method.
func (b *batcher) isRequest(children protoreflect.FieldDescriptor) bool {
	return b.batch.Single != nil && children.Message() == b.batch.Single.Input()
}

// withoutPart returns the words of a name without the last if it only says which part of a thing it is: user of user_ids.
func withoutPart(words []string) []string {
	parts := []string{"id", "name", "key", "uid", "uuid", "request", "req"}
	if len(words) > 0 && slices.Contains(parts, singular(words[len(words)-1])) {
		return words[:len(words)-1]
	}
	return words
}

// endsLike reports whether a name ends with the words of another, which may differ in number.
func endsLike(name, end []string) bool {
	return len(end) > 0 && len(name) >= len(end) && sameThing(name[len(name)-len(end):], end)
}

func (b *batcher) chooseNamedResults(left []protoreflect.FieldDescriptor, noun string) (field protoreflect.FieldDescriptor, why string) {
	var lists []protoreflect.FieldDescriptor
	for _, f := range left {
		if itemMessage(f) != nil {
			lists = append(lists, f)
		}
	}
	if c := chooseByName(lists, noun); c.field != nil {
		return c.field, ""
	}
	if len(lists) > 1 {
		return nil, fmt.Sprintf("has several lists: %s", listOf(lists))
	}
	return nil, "has no result for each child"
}

// isResults says whether a field can hold the results: a list, or a map by child.
func (b *batcher) isResults(f protoreflect.FieldDescriptor) bool { return f.IsList() || b.isKeyed(f) }

// isKeyed says whether a field is a map by child.
func (b *batcher) isKeyed(f protoreflect.FieldDescriptor) bool {
	child := b.batch.Children.Field()
	return f.IsMap() && child.Message() == nil && goKey(f.MapKey()) == goKey(child)
}

// isSingleOutput says whether a field is a list of the responses of the method that does it for one child.
func (b *batcher) isSingleOutput(f protoreflect.FieldDescriptor) bool {
	return b.batch.Single != nil && isMessageList(f) && f.Message() == b.batch.Single.Output()
}

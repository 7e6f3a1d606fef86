package batch

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// findResults finds the results of the items and how they correspond to them. It reports whether
// the method is a batch.
func (b *batcher) findResults() bool {
	want := shape.Kind{Fits: b.isResults, Text: "a repeated field, or a map by the type of the children"}
	if path, ok := b.use("results", b.said.Results, b.Out, want); ok {
		b.findMode(path)
		return true
	}
	field, why := b.chooseResults()
	switch {
	case field != nil:
		b.findMode(shape.Path{field})
		if !b.isResultName(field) {
			b.Found(pattern.Possible, fmt.Sprintf("%s is named neither like the children nor like what the method is about", field.Name()))
			b.Advise("results", b.batch.Results)
		}
	case len(shape.FieldsThat(b.Out, shape.AnyField.Fits)) == 0 || b.mode == grpcservicev1.Batch_MODE_ATOMIC:
		b.findDone()
	default:
		b.missResults(why)
		return false
	}
	return true
}

// findDone accepts a batch without results.
func (b *batcher) findDone() {
	if b.mode == grpcservicev1.Batch_MODE_KEYED || b.mode == grpcservicev1.Batch_MODE_PER_ITEM {
		b.Problem("batch.mode", fmt.Sprintf("%s has no results; remove mode, or set MODE_ATOMIC", b.Out.FullName()))
	}
	if b.said.GetMissing() != "" {
		b.Problem("batch.missing", fmt.Sprintf("%s has no results, and only a map can omit some; remove missing", b.Out.FullName()))
	}
	b.batch.Mode = Done
	b.Found(pattern.Certain, "no results")
}

// rejectResults reports a policy that names results where there can be none.
func (b *batcher) rejectResults(why string) {
	for _, part := range []struct {
		name string
		said bool
	}{
		{"results", b.said.Results != nil}, {"missing", b.said.GetMissing() != ""}, {"mode", b.mode != grpcservicev1.Batch_MODE_UNSPECIFIED},
	} {
		if part.said {
			b.Problem(Name+"."+part.name, why)
		}
	}
}

// missResults reports that the results were not found, unless not even the items are likely.
func (b *batcher) missResults(why string) {
	field := b.firstNamed()
	switch {
	case field != "" && !b.HasProblem(Name):
		b.Problem(field, fmt.Sprintf("%s %s; name the results in batch.results, or set batch.mode to MODE_ATOMIC if it has none", b.Out.FullName(), why))
	case field == "" && b.Level() > pattern.Possible:
		b.Found(pattern.Possible, fmt.Sprintf("%s %s", b.Short(b.Out), why))
		b.adviseResults()
		b.Report(Name, b.Evidence)
	}
}

// adviseResults recommends naming one of several lists, or stating that there are no results if
// there is no list. If no list can contain the results, there is nothing to recommend.
func (b *batcher) adviseResults() {
	switch lists := shape.FieldsThat(b.Out, b.isResults); {
	case len(lists) > 1:
		b.Advise("results", lists[:1])
	case len(shape.FieldsThat(b.Out, shape.IsList)) > 0:
		b.Advice = nil
	default:
		b.Advice = nil
		b.Advise("children", b.batch.Children)
		b.Advice = append(b.Advice, "mode: MODE_ATOMIC")
	}
}

// chooseResults chooses the results among the lists and maps of the response, or returns what is
// wrong with all of them. A field that is named like results takes precedence.
func (b *batcher) chooseResults() (field protoreflect.FieldDescriptor, why string) {
	noun := b.noun()
	candidates := shape.FieldsThat(b.Out, func(f protoreflect.FieldDescriptor) bool {
		return b.isResults(f) && !pattern.IsBeside(f, noun) && !shape.IsMissingName(f)
	})
	named := slices.DeleteFunc(slices.Clone(candidates), func(f protoreflect.FieldDescriptor) bool { return !b.isResultName(f) })
	for _, fields := range [][]protoreflect.FieldDescriptor{named, candidates} {
		for _, is := range []func(protoreflect.FieldDescriptor) bool{
			func(f protoreflect.FieldDescriptor) bool { return f.IsMap() && f.MapValue().Message() != nil },
			protoreflect.FieldDescriptor.IsMap,
			b.isSingleOutput,
			shape.IsMessageList,
		} {
			if f := shape.Only(fields, is); f != nil {
				return f, ""
			}
		}
	}
	return b.chooseNamedResults(candidates, noun)
}

// noun returns the noun of the batch, spelled like a field: users for BatchGetUsers.
func (b *batcher) noun() string {
	words := shape.WithoutBatch(shape.WordsOf(b.Desc.Name()))
	return strings.Join(words[min(1, len(words)):], "_")
}

// Names that results have regardless of what they contain.
var resultNames = []string{"result", "response", "reply", "item", "value", "entry", "outcome"}

// isResultName reports whether a field, or the message of its elements, is named like results:
// after the noun of the method, after the items, or with a general name for results. If the
// method's name has no noun, as in BatchGet, a map of messages also qualifies. Any other list may
// be unrelated to the items: regions that cover ranges, or additional information.
func (b *batcher) isResultName(f protoreflect.FieldDescriptor) bool {
	names := [][]string{shape.WordsOf(f.Name())}
	if m := shape.ItemMessage(f); m != nil {
		names = append(names, shape.WordsOf(m.Name()))
	}
	things := b.things()
	if b.noun() == "" && f.IsMap() && f.MapValue().Message() != nil {
		return true
	}
	return b.isSingleOutput(f) || slices.ContainsFunc(names, func(name []string) bool {
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
		if words := withoutPart(shape.WordsOf(name)); len(words) > 0 {
			things = append(things, words)
		}
	}
	if children.Message() == nil || b.isRequest(children) {
		things = append(things, shape.WordsOf(protoreflect.Name(b.noun())))
	}
	return things
}

// isRequest reports whether the items are requests of another method.
func (b *batcher) isRequest(children protoreflect.FieldDescriptor) bool {
	return b.batch.Single != nil && children.Message() == b.batch.Single.Input()
}

// withoutPart returns the words of a name without the last one if that only says which part of a
// thing it is: user for user_ids.
func withoutPart(words []string) []string {
	parts := []string{"id", "name", "key", "uid", "uuid", "request", "req"}
	if len(words) > 0 && slices.Contains(parts, shape.Singular(words[len(words)-1])) {
		return words[:len(words)-1]
	}
	return words
}

// endsLike reports whether a name ends with the words of another; singular and plural count as
// equal.
func endsLike(name, end []string) bool {
	return len(end) > 0 && len(name) >= len(end) && shape.SameThing(name[len(name)-len(end):], end)
}

func (b *batcher) chooseNamedResults(candidates []protoreflect.FieldDescriptor, noun string) (field protoreflect.FieldDescriptor, why string) {
	var lists []protoreflect.FieldDescriptor
	for _, f := range candidates {
		if shape.ItemMessage(f) != nil {
			lists = append(lists, f)
		}
	}
	if c := pattern.ChooseByName(lists, noun); c.Field != nil {
		return c.Field, ""
	}
	if len(lists) > 1 {
		return nil, fmt.Sprintf("has several lists: %s", shape.ListOf(lists))
	}
	return nil, "has no result for each child"
}

// isResults reports whether a field can contain the results: a list, or a map keyed by item.
func (b *batcher) isResults(f protoreflect.FieldDescriptor) bool { return f.IsList() || b.isKeyed(f) }

// isKeyed reports whether a field is a map keyed by item.
func (b *batcher) isKeyed(f protoreflect.FieldDescriptor) bool {
	child := b.batch.Children.Field()
	return f.IsMap() && child.Message() == nil && shape.GoKey(f.MapKey()) == shape.GoKey(child)
}

// isSingleOutput reports whether a field is a list of the responses of the method that handles one
// item.
func (b *batcher) isSingleOutput(f protoreflect.FieldDescriptor) bool {
	return b.batch.Single != nil && shape.IsMessageList(f) && f.Message() == b.batch.Single.Output()
}

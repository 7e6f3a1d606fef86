package pattern

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// Choice is a chosen field and the reason. A Choice without a field means that none was chosen.
type Choice struct {
	Field protoreflect.FieldDescriptor
	Level Level
	Why   string
}

// ChooseItems chooses the items among the lists and maps of the response.
func (m *Method) ChooseItems() Choice {
	all := shape.FieldsThat(m.Out, shape.IsList)
	noun := shape.NounOf(m.Desc)
	candidates := slices.DeleteFunc(slices.Clone(all), func(f protoreflect.FieldDescriptor) bool { return IsBeside(f, noun) })
	switch {
	case len(all) == 0:
		return Choice{}
	case len(candidates) == 0:
		return chooseBeside(all, noun)
	case len(candidates) == 1:
		return Choice{candidates[0], Certain, onlyOne(candidates[0], all)}
	}
	if c := ChooseByName(candidates, noun); c.Field != nil {
		return c
	}
	if f := shape.Only(candidates, func(f protoreflect.FieldDescriptor) bool { return shape.IsResource(shape.ItemMessage(f)) }); f != nil {
		return Choice{f, Certain, "the only list of a resource"}
	}
	if f := shape.Only(candidates, func(f protoreflect.FieldDescriptor) bool { return shape.ItemMessage(f) != nil }); f != nil {
		return Choice{f, Likely, "the only list of messages"}
	}
	first := slices.MinFunc(candidates, func(a, b protoreflect.FieldDescriptor) int { return int(a.Number()) - int(b.Number()) })
	return Choice{first, Likely, "the first of several lists, by field number"}
}

// chooseBeside chooses among lists whose names are all typical of secondary lists: labels are the
// items of ListUserLabels.
func chooseBeside(all []protoreflect.FieldDescriptor, noun string) Choice {
	named := slices.DeleteFunc(slices.Clone(all), func(f protoreflect.FieldDescriptor) bool {
		return shape.IsDeprecated(f) || shape.IsNamedFor(f, noun) == 0
	})
	if c := ChooseByName(named, noun); c.Field != nil {
		return c
	}
	return Choice{all[0], Possible, "whose name suggests details of a list"}
}

// IsBeside reports whether a list is secondary to that of the items: it is deprecated, a list of
// statuses, or has the name of a secondary list and the method is not named after it.
func IsBeside(f protoreflect.FieldDescriptor, noun string) bool {
	if shape.IsDeprecated(f) {
		return true
	}
	if m := shape.ItemMessage(f); m != nil && m.FullName() == shape.StatusMessage {
		return true
	}
	return shape.IsSideName(f) && shape.IsNamedFor(f, noun) < 3
}

// ChooseByName chooses the list that is named after the method, or that has a typical name for
// lists.
func ChooseByName(lists []protoreflect.FieldDescriptor, noun string) Choice {
	for _, rank := range []int{3, 2, 1} {
		if f := shape.Only(lists, func(f protoreflect.FieldDescriptor) bool { return shape.IsNamedFor(f, noun) == rank }); f != nil {
			return Choice{f, Certain, "named after the method"}
		}
	}
	for _, name := range []string{"items", "results", "rows"} {
		if f := shape.Only(lists, func(f protoreflect.FieldDescriptor) bool { return shape.Snake(f.Name()) == name }); f != nil {
			return Choice{f, Certain, "by its name"}
		}
	}
	return Choice{}
}

// onlyOne explains that a field is the only relevant list, and names the lists that do not count.
func onlyOne(f protoreflect.FieldDescriptor, all []protoreflect.FieldDescriptor) string {
	what := "the only repeated field"
	if f.IsMap() {
		what = "the only map"
	}
	var beside []string
	for _, other := range all {
		switch {
		case other == f:
		case shape.IsDeprecated(other):
			beside = append(beside, string(other.Name())+", which is deprecated")
		default:
			beside = append(beside, string(other.Name()))
		}
	}
	switch {
	case len(beside) == 0:
		return what
	case len(beside) > 2:
		return fmt.Sprintf("%s beside %s and %d more", what, beside[0], len(beside)-1)
	default:
		return what + " beside " + strings.Join(beside, " and ")
	}
}

// OtherList returns a message of the response that itself contains a list of messages and may be
// the real subject of the list, such as a history of events next to its raw form. It returns nil if
// the choice is named like the items.
func (m *Method) OtherList(c Choice) protoreflect.FieldDescriptor {
	if c.Level == Possible || ChooseByName([]protoreflect.FieldDescriptor{c.Field}, shape.NounOf(m.Desc)).Field != nil || shape.IsResource(shape.ItemMessage(c.Field)) {
		return nil
	}
	for f := range shape.FieldsOf(m.Out) {
		if shape.IsMessage(f) && !shape.IsDeprecated(f) && !isSideMessage(f) && len(shape.FieldsThat(f.Message(), shape.IsMessageList)) > 0 {
			return f
		}
	}
	return nil
}

// isSideMessage reports whether a message accompanies a list: a warning, a status, metadata.
func isSideMessage(f protoreflect.FieldDescriptor) bool {
	name := shape.Snake(f.Name())
	return shape.IsSideName(f) || shape.HasAnySuffix(name, "warning", "error", "status", "metadata", "header") ||
		shape.HasAnyPrefix(string(f.Message().FullName()), "google.protobuf.", "google.rpc.")
}

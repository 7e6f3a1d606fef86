package pattern

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// choice is a field that was chosen, and why. A choice without a field is none.
type choice struct {
	field protoreflect.FieldDescriptor
	level Level
	why   string
}

// findItems finds the items of a page, and says whether there are any that are more than possible.
func (p *pager) findItems() bool {
	if path, ok := p.use("items", p.said.Items, p.out, aList); ok {
		p.setItems(path)
		p.reasons = slices.Insert(p.reasons, 0, fmt.Sprintf("items: %s, %s", path, asSaid))
		return true
	}
	c := p.chooseItems()
	if c.field == nil {
		p.missItems()
		return false
	}
	if hidden := p.otherList(c); hidden != nil {
		c.level, c.why = Possible, fmt.Sprintf("while %s holds a list too", hidden.Name())
	}
	reason := fmt.Sprintf("items: %s, %s", c.field.Name(), c.why)
	if c.level == Possible {
		p.reportPossible(PatternPage, reason, option(PatternPage, fmt.Sprintf("items: %q", c.field.Name())))
		return false
	}
	p.setItems(Path{c.field})
	p.found(c.level, "")
	p.reasons = slices.Insert(p.reasons, 0, reason)
	if c.level < Certain {
		p.advice = slices.Insert(p.advice, 0, fmt.Sprintf("items: %q", c.field.Name()))
	}
	return true
}

func (p *pager) setItems(path Path) {
	p.page.Items, p.page.Map = path, path.Field().IsMap()
}

// missItems reports that a response has no items.
func (p *pager) missItems() {
	if len(p.byPolicy) > 0 && !p.hasProblem(PatternPage) {
		p.problem(firstPageName(p.said), fmt.Sprintf("%s has no repeated field and no map; name one of a message in it in page.items, with a dot", p.out.FullName()))
	}
}

// chooseItems chooses the items among the lists and maps of the response.
func (d *detector) chooseItems() choice {
	all := fieldsThat(d.out, isList)
	noun := nounOf(d.method)
	left := slices.DeleteFunc(slices.Clone(all), func(f protoreflect.FieldDescriptor) bool { return isBeside(f, noun) })
	switch {
	case len(all) == 0:
		return choice{}
	case len(left) == 0:
		return chooseBeside(all, noun)
	case len(left) == 1:
		return choice{left[0], Certain, onlyOne(left[0], all)}
	}
	if c := chooseByName(left, noun); c.field != nil {
		return c
	}
	if f := only(left, func(f protoreflect.FieldDescriptor) bool { return isResource(itemMessage(f)) }); f != nil {
		return choice{f, Certain, "the only list of a resource"}
	}
	if f := only(left, func(f protoreflect.FieldDescriptor) bool { return itemMessage(f) != nil }); f != nil {
		return choice{f, Likely, "the only list of messages"}
	}
	first := slices.MinFunc(left, func(a, b protoreflect.FieldDescriptor) int { return int(a.Number()) - int(b.Number()) })
	return choice{first, Likely, "of several lists the one with the lowest number"}
}

// chooseBeside chooses among lists that are all named like what goes with one: labels are the items of ListUserLabels.
func chooseBeside(all []protoreflect.FieldDescriptor, noun string) choice {
	named := slices.DeleteFunc(slices.Clone(all), func(f protoreflect.FieldDescriptor) bool { return isDeprecated(f) || isNamedFor(f, noun) == 0 })
	if c := chooseByName(named, noun); c.field != nil {
		return c
	}
	return choice{all[0], Possible, "which is named like what goes with a list"}
}

// isBeside says whether a list goes with that of the items: it is deprecated, a status, or named so, and the method is not named
// after it.
func isBeside(f protoreflect.FieldDescriptor, noun string) bool {
	if isDeprecated(f) {
		return true
	}
	if m := itemMessage(f); m != nil && m.FullName() == statusMessage {
		return true
	}
	return isSideName(f) && isNamedFor(f, noun) < 3
}

// chooseByName chooses the list that is named after the method, or as lists are.
func chooseByName(lists []protoreflect.FieldDescriptor, noun string) choice {
	for _, rank := range []int{3, 2, 1} {
		if f := only(lists, func(f protoreflect.FieldDescriptor) bool { return isNamedFor(f, noun) == rank }); f != nil {
			return choice{f, Certain, "named after the method"}
		}
	}
	for _, name := range []string{"items", "results", "rows"} {
		if f := only(lists, func(f protoreflect.FieldDescriptor) bool { return snake(f.Name()) == name }); f != nil {
			return choice{f, Certain, "by its name"}
		}
	}
	return choice{}
}

// only returns the one field for which is holds, or nil where there is none or more than one.
func only(fields []protoreflect.FieldDescriptor, is func(protoreflect.FieldDescriptor) bool) (found protoreflect.FieldDescriptor) {
	for _, f := range fields {
		switch {
		case !is(f):
		case found != nil:
			return nil
		default:
			found = f
		}
	}
	return found
}

// onlyOne says of a field that it is the only one of lists that counts, and beside which.
func onlyOne(f protoreflect.FieldDescriptor, all []protoreflect.FieldDescriptor) string {
	what := "the only repeated field"
	if f.IsMap() {
		what = "the only map"
	}
	var beside []string
	for _, other := range all {
		switch {
		case other == f:
		case isDeprecated(other):
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

// otherList returns a message of the response that holds a list of messages itself, and may be what the list is about (as a
// history of events beside its raw form), unless the choice is named like the items.
func (d *detector) otherList(c choice) protoreflect.FieldDescriptor {
	if c.level == Possible || chooseByName([]protoreflect.FieldDescriptor{c.field}, nounOf(d.method)).field != nil || isResource(itemMessage(c.field)) {
		return nil
	}
	for f := range fieldsOf(d.out) {
		if isMessage(f) && !isDeprecated(f) && !isSideMessage(f) && len(fieldsThat(f.Message(), isMessageList)) > 0 {
			return f
		}
	}
	return nil
}

// isSideMessage says whether a message goes with a list: a warning, a status, metadata.
func isSideMessage(f protoreflect.FieldDescriptor) bool {
	name := snake(f.Name())
	return isSideName(f) || hasAnySuffix(name, "warning", "error", "status", "metadata", "header") ||
		hasAnyPrefix(string(f.Message().FullName()), "google.protobuf.", "google.rpc.")
}

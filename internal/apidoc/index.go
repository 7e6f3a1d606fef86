package apidoc

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// index finds the declarations of a run by name.
type index struct {
	files    map[string]*protogen.File
	messages map[protoreflect.FullName]*protogen.Message
	enums    map[protoreflect.FullName]*protogen.Enum
	rules    ruleTypes
}

func newIndex(plugin *protogen.Plugin) *index {
	x := &index{
		files:    plugin.FilesByPath,
		messages: make(map[protoreflect.FullName]*protogen.Message),
		enums:    make(map[protoreflect.FullName]*protogen.Enum),
		rules:    ruleTypesOf(plugin),
	}
	for _, f := range plugin.Files {
		x.add(f.Messages, f.Enums)
	}
	return x
}

func (x *index) add(messages []*protogen.Message, enums []*protogen.Enum) {
	for _, e := range enums {
		x.enums[e.Desc.FullName()] = e
	}
	for _, m := range messages {
		x.messages[m.Desc.FullName()] = m
		x.add(m.Messages, m.Enums)
	}
}

// isWellKnown reports whether a type has a page of its own elsewhere, so that the reference links
// to it.
func isWellKnown(name protoreflect.FullName) bool { return urlOf(name) != "" }

// urlOf returns the page of a well-known type, or "".
func urlOf(name protoreflect.FullName) string {
	last := string(name.Name())
	pkg := string(name.Parent())
	switch {
	case pkg == "google.protobuf":
		return "https://protobuf.dev/reference/protobuf/google.protobuf/#" + kebab(last)
	case pkg == "google.longrunning":
		return "https://github.com/googleapis/googleapis/blob/master/google/longrunning/operations.proto"
	case pkg == "google.rpc":
		return "https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto"
	case pkg == "google.type":
		return "https://github.com/googleapis/googleapis/blob/master/google/type/" + strings.ReplaceAll(kebab(last), "-", "") + ".proto"
	default:
		return ""
	}
}

// kebab converts a name to lower-case words: FieldMask to field-mask.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if 'A' <= r && r <= 'Z' {
			if i > 0 && !('0' <= name[i-1] && name[i-1] <= '9') && !('A' <= name[i-1] && name[i-1] <= 'Z') {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

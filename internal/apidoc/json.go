package apidoc

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// shortLine is the length up to which an example is one line.
const shortLine = 60

// asJSON returns the sample in the JSON that grpcurl reads, with the names of the proto.
func (s *sample) asJSON(indent string) string {
	if s.whole != "" {
		return s.whole
	}
	var parts []string
	for _, f := range s.fields {
		parts = append(parts, quoted(string(f.field.Desc.Name()))+": "+f.json(indent+"  "))
	}
	return enclose("{", parts, "}", indent)
}

// enclose joins parts in one line, if it is short, or in a line each.
func enclose(open string, parts []string, end, indent string) string {
	if line := open + strings.Join(parts, ", ") + end; len(line) <= shortLine && !strings.Contains(line, "\n") {
		return line
	}
	inner := "\n" + indent + "  "
	return open + inner + strings.Join(parts, ","+inner) + "\n" + indent + end
}

func (f sampleField) json(indent string) string {
	switch desc := f.field.Desc; {
	case desc.IsMap():
		value := f.value.json(desc.MapValue(), indent+"  ")
		return enclose("{", []string{quoted(f.value.key) + ": " + value}, "}", indent)
	case desc.IsList():
		return enclose("[", []string{f.value.json(desc, indent+"  ")}, "]", indent)
	default:
		return f.value.json(desc, indent)
	}
}

func (v sampleValue) json(f protoreflect.FieldDescriptor, indent string) string {
	switch {
	case v.message != nil:
		return v.message.asJSON(indent)
	case v.enum != nil:
		return quoted(string(v.enum.Desc.Name()))
	case v.known != "" && f.Message() != nil && f.Message().FullName() == "google.protobuf.FieldMask":
		return `{"paths": [` + quoted(v.known) + `]}` // grpcurl reads no other form
	case v.known != "":
		return quoted(v.known)
	case f.Kind() == protoreflect.StringKind:
		return quoted(v.text)
	case f.Kind() == protoreflect.BytesKind:
		return quoted(base64.StdEncoding.EncodeToString([]byte(v.text)))
	default:
		return v.text
	}
}

// quoted returns a text as a string in JSON. It has no single quote, so that a shell takes it.
func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return strings.ReplaceAll(string(raw), "'", `\u0027`)
}

package apidoc

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// sample is a message of an example: some of its fields with values.
type sample struct {
	message *protogen.Message
	fields  []sampleField
	whole   string // the JSON of a well-known message that an RPC takes; or ""
}

// wholeValues are the well-known messages whose JSON is not an object with their fields.
var wholeValues = map[protoreflect.FullName]string{
	"google.protobuf.Timestamp": `"2026-01-02T15:04:05Z"`, "google.protobuf.Duration": `"30s"`,
	"google.protobuf.FieldMask": `{"paths": ["name"]}`, "google.protobuf.Any": "{}", "google.protobuf.Struct": "{}",
	"google.protobuf.Value": "null", "google.protobuf.ListValue": "[]",
	"google.protobuf.StringValue": `"Hello"`, "google.protobuf.BytesValue": `"aGVsbG8="`,
	"google.protobuf.BoolValue": "true", "google.protobuf.FloatValue": "1.5", "google.protobuf.DoubleValue": "1.5",
	"google.protobuf.Int32Value": "1", "google.protobuf.Int64Value": "1", "google.protobuf.UInt32Value": "1",
	"google.protobuf.UInt64Value": "1",
}

type sampleField struct {
	field *protogen.Field
	value sampleValue
}

// sampleValue is the value of a field, of the item of a list, or of the value of a map.
type sampleValue struct {
	text    string              // of strings, bytes and numbers
	enum    *protogen.EnumValue // of enums
	message *sample             // of messages, except well-known ones
	known   string              // the text of a well-known message in JSON, without quotes
	key     string              // of the entry of a map
}

// Bounds of examples, so that large messages have short examples.
const (
	sampleDepth  = 2
	sampleFields = 5
)

// sampler chooses the fields of examples.
type sampler struct {
	*index
	skip map[string]bool // the fields of the request that no example sets
	ten  map[string]bool // the fields of the request that are 10
	arm  int             // which member of each oneof is set
}

// sample returns an example of a message. It has its required fields, and some of the others.
func (s sampler) sample(m *protogen.Message, depth int) *sample {
	made := &sample{message: m}
	if whole, is := wholeValues[m.Desc.FullName()]; is {
		made.whole = whole
		return made
	}
	seen := make(map[*protogen.Oneof]bool)
	for _, f := range m.Fields {
		required := policy.IsRequired(f.Desc) || f.Desc.Cardinality() == protoreflect.Required || s.rulesRequire(f)
		switch {
		case depth == 0 && s.skip[string(f.Desc.Name())]:
			continue
		case isDeprecated(f.Desc) && !required:
			continue
		case policy.BehaviorsOf(f.Desc).Has(policy.BehaviorOutputOnly):
			continue
		case len(made.fields) >= sampleFields && !required:
			continue
		}
		if o := f.Oneof; o != nil && !o.Desc.IsSynthetic() {
			if o.Fields[min(s.arm, len(o.Fields)-1)] != f || seen[o] {
				continue
			}
			seen[o] = true
		}
		if value, ok := s.value(f, depth); ok {
			made.fields = append(made.fields, sampleField{f, value})
		}
	}
	for i, f := range made.fields {
		if f.value.known == maskMark {
			made.fields[i].value.known = maskPath(made)
		}
	}
	return made
}

// maskMark stands for a field mask until the other fields of its message are known.
const maskMark = "\x00mask"

// maskPath returns a path for a field mask: a field of the message beside the mask.
func maskPath(beside *sample) string {
	path := "name"
	for _, f := range beside.fields {
		if f.value.message == nil {
			continue
		}
		for _, inner := range f.value.message.fields {
			if name := string(inner.field.Desc.Name()); name != "id" && name != "name" && inner.value.message == nil && inner.value.known == "" {
				return name
			}
		}
	}
	return path
}

func (s sampler) rulesRequire(f *protogen.Field) bool {
	rules := s.rules.read(f.Desc.Options())
	return rules != nil && boolIn(rules, "required")
}

// value returns an example of a field's value, or of one item of a list or a map. It reports false
// for a field to leave out.
func (s sampler) value(f *protogen.Field, depth int) (v sampleValue, ok bool) {
	rules := s.rules.read(f.Desc.Options())
	element := f
	if f.Desc.IsMap() {
		v.key = sampleScalar(f.Message.Fields[0].Desc, partOf(rules, "keys"), "key")
		element, rules = f.Message.Fields[1], partOf(rules, "values")
	} else if f.Desc.IsList() {
		rules = partOf(rules, "items")
	}
	switch {
	case depth == 0 && s.ten[string(f.Desc.Name())] && element.Message == nil:
		v.text = "10"
		return v, true
	case element.Message != nil:
		if known, is := knownValues[element.Message.Desc.FullName()]; is {
			v.known = known
			return v, known != ""
		}
		if depth >= sampleDepth {
			return v, false
		}
		v.message = s.sample(element.Message, depth+1)
		return v, true
	case element.Enum != nil:
		v.enum = sampleEnum(element.Enum, rules)
		return v, v.enum != nil
	default:
		v.text = sampleScalar(element.Desc, rules, sampleText(f))
		return v, true
	}
}

// knownValues are examples of well-known messages in JSON; those with "" are left out.
var knownValues = map[protoreflect.FullName]string{
	"google.protobuf.Timestamp":   "2026-01-02T15:04:05Z",
	"google.protobuf.Duration":    "30s",
	"google.protobuf.FieldMask":   maskMark,
	"google.protobuf.Any":         "",
	"google.protobuf.Struct":      "",
	"google.protobuf.Value":       "",
	"google.protobuf.ListValue":   "",
	"google.protobuf.Empty":       "",
	"google.protobuf.StringValue": "", "google.protobuf.BytesValue": "", "google.protobuf.BoolValue": "",
	"google.protobuf.Int32Value": "", "google.protobuf.Int64Value": "", "google.protobuf.UInt32Value": "",
	"google.protobuf.UInt64Value": "", "google.protobuf.FloatValue": "", "google.protobuf.DoubleValue": "",
}

// partOf returns the rules of the items, keys or values of a field's rules, or nil.
func partOf(rules protoreflect.Message, part protoreflect.Name) protoreflect.Message {
	if rules == nil {
		return nil
	}
	for _, kind := range []protoreflect.Name{"repeated", "map"} {
		f := rules.Descriptor().Fields().ByName(kind)
		if f == nil || f.Message() == nil || !rules.Has(f) {
			continue
		}
		inner := rules.Get(f).Message()
		if p := inner.Descriptor().Fields().ByName(part); p != nil && p.Message() != nil && inner.Has(p) {
			return inner.Get(p).Message()
		}
	}
	return nil
}

// typed returns the rules that are about the type of the field, or nil.
func typed(rules protoreflect.Message) (m protoreflect.Message) {
	if rules == nil {
		return nil
	}
	fields := rules.Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); f.ContainingOneof() != nil && f.Message() != nil && rules.Has(f) {
			m = rules.Get(f).Message()
		}
	}
	return m
}

// ruled returns the value that rules state, or "".
func ruledValue(rules protoreflect.Message) string {
	m := typed(rules)
	if m == nil {
		return ""
	}
	for _, name := range []protoreflect.Name{"example", "const", "in", "gte", "lte"} {
		f := m.Descriptor().Fields().ByName(name)
		if f == nil || !m.Has(f) || f.Message() != nil {
			continue
		}
		v := m.Get(f)
		if f.IsList() {
			v = v.List().Get(0)
		}
		if f.Kind() == protoreflect.BytesKind {
			return string(v.Bytes())
		}
		return v.String()
	}
	for name, by := range map[protoreflect.Name]int64{"gt": 1, "lt": -1} {
		f := m.Descriptor().Fields().ByName(name)
		if f != nil && m.Has(f) && f.Message() == nil {
			if n, err := strconv.ParseInt(m.Get(f).String(), 10, 64); err == nil {
				return strconv.FormatInt(n+by, 10)
			}
		}
	}
	return ""
}

// formats are examples of texts with a format.
var formats = []struct {
	name protoreflect.Name
	text string
}{
	{"email", "ada@example.com"}, {"hostname", "example.com"}, {"ip", "192.0.2.1"}, {"ipv4", "192.0.2.1"},
	{"ipv6", "2001:db8::1"}, {"uri", "https://example.com/a"}, {"uri_ref", "/a"}, {"address", "example.com"},
	{"uuid", sampleUUID}, {"tuuid", strings.ReplaceAll(sampleUUID, "-", "")}, {"host_and_port", "example.com:443"},
	{"ulid", "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
}

const sampleUUID = "4b1f7e0a-9c0d-4f6e-8a3b-5d2c1e7f9a08"

// sampleScalar returns an example of a string, bytes or a number: one that the rules allow, as far
// as they are simple.
func sampleScalar(f protoreflect.FieldDescriptor, rules protoreflect.Message, text string) string {
	stated := ruledValue(rules)
	switch f.Kind() {
	case protoreflect.StringKind:
		if stated != "" {
			return visible(stated)
		}
		return sampleString(f, rules, text)
	case protoreflect.BytesKind:
		return "hello"
	case protoreflect.BoolKind:
		return "true"
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		if _, err := strconv.ParseFloat(stated, 32); err == nil && strings.Trim(stated, "-+0123456789.e") == "" {
			return stated
		}
		return "1.5"
	default:
		if _, err := strconv.ParseInt(stated, 10, 64); err == nil {
			return stated
		}
		return "1"
	}
}

func sampleString(f protoreflect.FieldDescriptor, rules protoreflect.Message, text string) string {
	switch policy.FormatOf(f) {
	case policy.FormatUUID4:
		return sampleUUID
	case policy.FormatIPv4, policy.FormatIP:
		return "192.0.2.1"
	case policy.FormatIPv6:
		return "2001:db8::1"
	}
	m := typed(rules)
	if m == nil {
		return text
	}
	for _, format := range formats {
		if boolIn(m, format.name) {
			return format.text
		}
	}
	if prefix := stringIn(m, "prefix"); prefix != "" {
		text = visible(prefix) + text
	}
	least, most := uintIn(m, "min_len"), uintIn(m, "max_len")
	if exact := uintIn(m, "len"); exact > 0 {
		least, most = exact, exact
	}
	const longest = 100
	for text != "" && uint64(len(text)) < min(least, longest) {
		text += text
	}
	if most > 0 && uint64(len(text)) > most {
		text = text[:most]
	}
	return text
}

func uintIn(m protoreflect.Message, name protoreflect.Name) uint64 {
	f := m.Descriptor().Fields().ByName(name)
	if f == nil || f.Kind() != protoreflect.Uint64Kind || f.IsList() {
		return 0
	}
	return m.Get(f).Uint()
}

// sampleText returns an example of a text: the first one that the comment of the field quotes, or
// the words of its name.
func sampleText(f *protogen.Field) string {
	const longest = 60
	comment := string(f.Comments.Leading)
	if comment == "" {
		comment = string(f.Comments.Trailing)
	}
	if _, rest, found := strings.Cut(comment, `"`); found {
		if text, _, found := strings.Cut(rest, `"`); found && text != "" && len(text) <= longest && isPrintable(text) {
			return text
		}
	}
	name := string(f.Desc.Name())
	if text, is := usualTexts[name]; is {
		return text
	}
	return strings.ReplaceAll(name, "_", " ")
}

// usualTexts are examples of fields with common names.
var usualTexts = map[string]string{
	"name": "Ada", "display_name": "Ada Lovelace", "full_name": "Ada Lovelace", "first_name": "Ada",
	"last_name": "Lovelace", "username": "ada", "email": "ada@example.com", "title": "A title",
	"description": "A description", "street": "12 Example Street", "city": "London", "state": "England",
	"zip": "N1 9GU", "postal_code": "N1 9GU", "country": "United Kingdom", "country_code": "GB",
	"region_code": "GB", "language_code": "en", "currency_code": "EUR", "currency": "EUR",
	"phone_number": "+44 20 7946 0000", "query": "coffee", "text": "Hello", "content": "Hello",
	"message": "Hello", "body": "Hello", "comment": "A comment", "url": "https://example.com",
	"uri": "https://example.com", "filename": "photo.png", "file_name": "photo.png", "request_id": sampleUUID,
	"idempotency_key": sampleUUID,
}

func isPrintable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '\\' || r == '\'' }) < 0
}

// sampleEnum returns an example of an enum: one that the rules allow, or the first that is not zero.
func sampleEnum(e *protogen.Enum, rules protoreflect.Message) *protogen.EnumValue {
	stated := ruledValue(rules)
	for _, v := range e.Values {
		if strconv.Itoa(int(v.Desc.Number())) == stated {
			return v
		}
	}
	for _, v := range e.Values {
		if v.Desc.Number() != 0 && !isDeprecated(v.Desc) {
			return v
		}
	}
	if len(e.Values) > 0 {
		return e.Values[0]
	}
	return nil
}

package apidoc

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/grpcservice/grpcservice/internal/apidoc/markup"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// bufValidate is the number of the extensions buf.validate.field, oneof and message.
const bufValidate protoreflect.FieldNumber = 1159

// ruleTypes are the messages of these extensions, by the message of options that they extend. The
// protos of the request declare them, so the plugin does not link them.
type ruleTypes map[protoreflect.FullName]protoreflect.MessageDescriptor

func ruleTypesOf(plugin *protogen.Plugin) ruleTypes {
	types := make(ruleTypes)
	for _, f := range plugin.Files {
		for _, x := range f.Extensions {
			if x.Desc.Number() == bufValidate && x.Desc.Message() != nil {
				types[x.Desc.ContainingMessage().FullName()] = x.Desc.Message()
			}
		}
	}
	return types
}

// read returns the rules in the options of a declaration, or nil.
func (t ruleTypes) read(options proto.Message) protoreflect.Message {
	if options == nil {
		return nil
	}
	desc := t[options.ProtoReflect().Descriptor().FullName()]
	if desc == nil {
		return nil
	}
	var rules protoreflect.Message
	for _, raw := range policy.RawFields(options, bufValidate) {
		if rules == nil {
			rules = dynamicpb.NewMessage(desc)
		}
		merge := proto.UnmarshalOptions{Merge: true, AllowPartial: true}
		if merge.Unmarshal(raw, rules.Interface()) != nil {
			return nil
		}
	}
	return rules
}

// ofMessage returns the rules of a message as a whole, and of its oneofs.
func (t ruleTypes) ofMessage(m protoreflect.MessageDescriptor) (texts []markup.Text) {
	texts = append(texts, celRules(t.read(m.Options()))...)
	for i := range m.Oneofs().Len() {
		o := m.Oneofs().Get(i)
		if rules := t.read(o.Options()); rules != nil && boolIn(rules, "required") {
			texts = append(texts, markup.Say("One field of ", markup.Code(string(o.Name())), " must be set."))
		}
	}
	if rules := t.read(m.Options()); rules != nil {
		eachMessage(rules, "oneof", func(v protoreflect.Value) {
			fields := markup.Codes(stringsIn(v.Message(), "fields"), "and")
			if boolIn(v.Message(), "required") {
				texts = append(texts, markup.Say("Exactly one of ", fields, " must be set."))
			} else {
				texts = append(texts, markup.Say("At most one of ", fields, " may be set."))
			}
		})
	}
	return texts
}

// ofField returns the rules of a field.
func (t ruleTypes) ofField(f protoreflect.FieldDescriptor) (texts []markup.Text) {
	switch policy.FormatOf(f) {
	case policy.FormatUUID4:
		texts = append(texts, markup.Say("A UUID, version 4."))
	case policy.FormatIPv4:
		texts = append(texts, markup.Say("An IPv4 address."))
	case policy.FormatIPv6:
		texts = append(texts, markup.Say("An IPv6 address."))
	case policy.FormatIP:
		texts = append(texts, markup.Say("An IP address."))
	}
	if rules := t.read(f.Options()); rules != nil {
		texts = append(texts, fieldRules(f, rules, "")...)
	}
	return texts
}

// fieldRules returns the sentences for a FieldRules message of a field. The prefix names the part of
// a list or a map that it is about.
func fieldRules(of protoreflect.FieldDescriptor, rules protoreflect.Message, prefix string) (texts []markup.Text) {
	say := func(parts ...any) {
		texts = append(texts, markup.Say(append([]any{prefix}, parts...)...))
	}
	if boolIn(rules, "required") {
		say("Must be set.")
	}
	for _, rule := range celRules(rules) {
		texts = append(texts, append(markup.Say(prefix), rule...))
	}
	fields := rules.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.ContainingOneof() == nil || f.Message() == nil || f.IsList() || !rules.Has(f) {
			continue
		}
		typed := rules.Get(f).Message()
		leaves := typed.Descriptor().Fields()
		for j := range leaves.Len() {
			leaf := leaves.Get(j)
			if !typed.Has(leaf) || leaf.Name() == "example" {
				continue
			}
			if part, is := parts[leaf.Name()]; is && leaf.Message() != nil && leaf.Message() == rules.Descriptor() {
				texts = append(texts, fieldRules(of, typed.Get(leaf).Message(), prefix+part)...)
				continue
			}
			if sentence := ruleSentence(of, leaf, typed.Get(leaf)); sentence != nil {
				say(sentence)
			}
		}
	}
	return texts
}

// parts are the rules of the parts of lists and maps.
var parts = map[protoreflect.Name]string{"items": "Each item: ", "keys": "Each key: ", "values": "Each value: "}

// phrases are the rules with a value, which follows the phrase.
var phrases = map[protoreflect.Name]string{
	"const": "Must be ", "lt": "Less than ", "lte": "At most ", "gt": "Greater than ", "gte": "At least ",
	"pattern": "Must match ", "prefix": "Must start with ", "suffix": "Must end with ",
	"contains": "Must contain ", "not_contains": "Must not contain ", "within": "From now at most ",
}

// amounts are the rules about a number of something, which follows the number.
var amounts = map[protoreflect.Name][2]string{
	"len": {"Exactly ", "character"}, "min_len": {"At least ", "character"}, "max_len": {"At most ", "character"},
	"len_bytes": {"Exactly ", "byte"}, "min_bytes": {"At least ", "byte"}, "max_bytes": {"At most ", "byte"},
	"min_items": {"At least ", "item"}, "max_items": {"At most ", "item"},
	"min_pairs": {"At least ", "entry"}, "max_pairs": {"At most ", "entry"},
}

// amountOf returns a number and what it counts: of a field of bytes, these are bytes.
func amountOf(of protoreflect.FieldDescriptor, n, noun string) string {
	if noun == "character" && valueOf(of).Kind() == protoreflect.BytesKind {
		noun = "byte"
	}
	if n == "1" {
		return n + " " + noun
	}
	return n + " " + strings.ReplaceAll(noun+"s", "entrys", "entries")
}

// ruleLiteral is literalOf, with names instead of the numbers of the field's enum.
func ruleLiteral(of, f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	enum := valueOf(of).Enum()
	if enum == nil || f.Kind() != protoreflect.Int32Kind {
		return literalOf(f, v)
	}
	if value := enum.Values().ByNumber(protoreflect.EnumNumber(v.Int())); value != nil {
		return string(value.Name())
	}
	return literalOf(f, v)
}

// flags are the rules that are on or off.
var flags = map[protoreflect.Name]string{
	"email": "An email address.", "hostname": "A host name.", "ip": "An IP address.", "ipv4": "An IPv4 address.",
	"ipv6": "An IPv6 address.", "uri": "A URI.", "uri_ref": "A URI or a relative reference.",
	"address": "A host name or an IP address.", "uuid": "A UUID.", "tuuid": "A UUID without hyphens.",
	"ip_with_prefixlen": "An IP address with a prefix length.", "ipv4_with_prefixlen": "An IPv4 address with a prefix length.",
	"ipv6_with_prefixlen": "An IPv6 address with a prefix length.", "ip_prefix": "An IP prefix.",
	"ipv4_prefix": "An IPv4 prefix.", "ipv6_prefix": "An IPv6 prefix.", "host_and_port": "A host and a port.",
	"ulid": "A ULID.", "protobuf_fqn": "A full name of protobuf.", "protobuf_dot_fqn": "A full name of protobuf, with a dot first.",
	"unique": "No item twice.", "defined_only": "One of the enum's values.", "finite": "A finite number.",
	"lt_now": "In the past.", "gt_now": "In the future.",
}

// ruleSentence returns the spans for one rule of a field, or nil if it says nothing.
func ruleSentence(of, f protoreflect.FieldDescriptor, v protoreflect.Value) []markup.Span {
	if f.IsList() {
		values := make([]string, v.List().Len())
		for i := range values {
			values[i] = ruleLiteral(of, f, v.List().Get(i))
		}
		switch f.Name() {
		case "in":
			return markup.Spans("One of ", markup.Codes(values, "or"), ".")
		case "not_in":
			return markup.Spans("Not ", markup.Codes(values, "or"), ".")
		}
		return markup.Spans(markup.Code(string(f.Name())), ": ", markup.Codes(values, "and"), ".")
	}
	if flag, is := flags[f.Name()]; is {
		if f.Kind() == protoreflect.BoolKind && !v.Bool() {
			return nil
		}
		return markup.Spans(flag)
	}
	if amount, is := amounts[f.Name()]; is {
		return markup.Spans(amount[0], amountOf(of, literalOf(f, v), amount[1]), ".")
	}
	if phrase, is := phrases[f.Name()]; is {
		return markup.Spans(phrase, markup.Code(ruleLiteral(of, f, v)), ".")
	}
	return markup.Spans(markup.Code(string(f.Name())), ": ", markup.Code(literalOf(f, v)), ".")
}

// literalOf returns a value of a rule as a text.
func literalOf(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case f.Kind() == protoreflect.StringKind:
		return visible(v.String())
	case f.Kind() == protoreflect.BytesKind:
		return fmt.Sprintf("%q", v.Bytes())
	case f.Enum() != nil:
		if value := f.Enum().Values().ByNumber(v.Enum()); value != nil {
			return string(value.Name())
		}
		return fmt.Sprint(v.Enum())
	case f.Message() != nil:
		return messageLiteral(v.Message())
	default:
		return fmt.Sprint(v.Interface())
	}
}

// visible keeps what a rule says in one line, and shows what would disguise it.
func visible(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		return text
	}
	quoted := fmt.Sprintf("%+q", text)
	return quoted[1 : len(quoted)-1]
}

// messageLiteral returns a duration or a time of a rule as a text.
func messageLiteral(m protoreflect.Message) string {
	fields := m.Descriptor().Fields()
	seconds, nanos := fields.ByName("seconds"), fields.ByName("nanos")
	if seconds == nil || nanos == nil {
		return string(m.Descriptor().Name())
	}
	s, n := m.Get(seconds).Int(), m.Get(nanos).Int()
	if m.Descriptor().Name() == "Timestamp" {
		return time.Unix(s, n).UTC().Format(time.RFC3339Nano)
	}
	const longest = int64(1) << 32 // of a time.Duration, in seconds, with room for nanos
	if s > longest || s < -longest {
		return fmt.Sprint(s, "s")
	}
	return duration(time.Duration(s)*time.Second + time.Duration(n))
}

// celRules returns the rules in CEL: their messages, or else their expressions.
func celRules(rules protoreflect.Message) (texts []markup.Text) {
	if rules == nil {
		return nil
	}
	eachMessage(rules, "cel", func(v protoreflect.Value) {
		message, expression := stringIn(v.Message(), "message"), stringIn(v.Message(), "expression")
		if message != "" {
			texts = append(texts, markup.Say(sentence(visible(message))))
			return
		}
		texts = append(texts, markup.Say("Rule: ", markup.Code(visible(strings.TrimSpace(expression))), "."))
	})
	each(rules, "cel_expression", func(v protoreflect.Value) {
		texts = append(texts, markup.Say("Rule: ", markup.Code(visible(strings.TrimSpace(v.String()))), "."))
	})
	return texts
}

// sentence returns a text as a sentence: with a capital and a period.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	if 'a' <= text[0] && text[0] <= 'z' {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}

// each calls do for the elements of a list, if the message has one of the name.
func each(m protoreflect.Message, list protoreflect.Name, do func(protoreflect.Value)) {
	f := m.Descriptor().Fields().ByName(list)
	if f == nil || !f.IsList() {
		return
	}
	for i := range m.Get(f).List().Len() {
		do(m.Get(f).List().Get(i))
	}
}

// eachMessage is each for a list of messages.
func eachMessage(m protoreflect.Message, list protoreflect.Name, do func(protoreflect.Value)) {
	if f := m.Descriptor().Fields().ByName(list); f != nil && f.Message() != nil {
		each(m, list, do)
	}
}

func boolIn(m protoreflect.Message, name protoreflect.Name) bool {
	f := m.Descriptor().Fields().ByName(name)
	return f != nil && f.Kind() == protoreflect.BoolKind && !f.IsList() && m.Get(f).Bool()
}

func stringIn(m protoreflect.Message, name protoreflect.Name) string {
	f := m.Descriptor().Fields().ByName(name)
	if f == nil || f.Kind() != protoreflect.StringKind || f.IsList() {
		return ""
	}
	return m.Get(f).String()
}

func stringsIn(m protoreflect.Message, name protoreflect.Name) (list []string) {
	each(m, name, func(v protoreflect.Value) { list = append(list, visible(v.String())) })
	return list
}

// behaviors returns what google.api.field_behavior says about a field (AIP-203).
func behaviors(f protoreflect.FieldDescriptor) (notes []markup.Text) {
	set := policy.BehaviorsOf(f)
	for number, note := range behaviorNotes {
		if note != "" && set.Has(1<<number) {
			notes = append(notes, markup.Say(note))
		}
	}
	if options, _ := f.Options().(*descriptorpb.FieldOptions); options.GetDebugRedact() {
		notes = append(notes, markup.Say("Sensitive: logs omit it."))
	}
	return notes
}

// behaviorNotes are the behaviors by their number in google.api.FieldBehavior.
var behaviorNotes = [...]string{
	1: "Optional.", 2: "Required.", 3: "Output only: the server sets it.", 4: "Input only: responses omit it.",
	5: "Immutable: it cannot change later.", 6: "The order of the items means nothing.",
	7: "The server sets a value if it is empty.", 8: "The identifier of the resource.",
}

// defaultOf returns the default of a field.
func defaultOf(f protoreflect.FieldDescriptor) string {
	if f.Enum() != nil && f.DefaultEnumValue() != nil {
		return string(f.DefaultEnumValue().Name())
	}
	if f.Kind() == protoreflect.StringKind {
		return fmt.Sprintf("%+q", f.Default().String())
	}
	return literalOf(f, f.Default())
}

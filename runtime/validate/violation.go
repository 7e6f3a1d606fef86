package validate

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldrules"
)

const (
	maxDescription = 200 // bytes of a violation's description, and of its rule id
	maxCause       = 500 // bytes of the cause of a fault in the log
)

// violation returns what is wrong with the field, the oneof or the message.
func (s *subject) violation(v *protovalidate.Violation, redacted bool) fieldrules.Violation {
	found := fieldrules.Violation{
		Index: fieldrules.NoIndex, Redacted: s.redacted,
		Reason:      cut(v.Proto.GetRuleId(), maxDescription),
		Description: cut(s.text(v, redacted), maxDescription),
	}
	if _, isMessage := s.desc.(protoreflect.MessageDescriptor); isMessage {
		return found
	}
	found.Field = s.desc.Name()
	if elements := v.Proto.GetField().GetElements(); len(elements) > 0 {
		found.Index, found.Key = subscript(elements[0])
	}
	return found
}

// subscript returns the index or the key of an element of a path.
func subscript(element *validate.FieldPathElement) (index int, key protoreflect.MapKey) {
	index = fieldrules.NoIndex
	switch element.WhichSubscript() {
	case validate.FieldPathElement_Index_case:
		index = int(element.GetIndex())
	case validate.FieldPathElement_BoolKey_case:
		key = protoreflect.ValueOfBool(element.GetBoolKey()).MapKey()
	case validate.FieldPathElement_IntKey_case:
		key = protoreflect.ValueOfInt64(element.GetIntKey()).MapKey()
	case validate.FieldPathElement_UintKey_case:
		key = protoreflect.ValueOfUint64(element.GetUintKey()).MapKey()
	case validate.FieldPathElement_StringKey_case:
		key = protoreflect.ValueOfString(element.GetStringKey()).MapKey()
	}
	return index, key
}

// text returns the description of a violation.
func (s *subject) text(v *protovalidate.Violation, redacted bool) string {
	text := v.Proto.GetMessage()
	switch {
	case text == "":
	case isStandard(v.RuleDescriptor), slices.Contains(s.fixed, text):
		return text
	case !redacted && !s.holdsRedacted():
		return text
	}
	return "it violates the rule " + v.Proto.GetRuleId()
}

// isStandard reports whether a rule is one of buf.validate itself, whose texts have no values of
// requests, and no expression of a user.
func isStandard(rule protoreflect.FieldDescriptor) bool {
	return rule != nil && !rule.IsExtension() && rule.Name() != "cel" && rule.Name() != "cel_expression" &&
		rule.ParentFile().Path() == "buf/validate/validate.proto"
}

// fixedTexts returns the texts of rules that have no values of requests.
func fixedTexts(rules []*validate.Rule, expressions []string) (texts []string) {
	for _, rule := range rules {
		if rule.GetMessage() != "" {
			texts = append(texts, rule.GetMessage())
			continue
		}
		expressions = append(expressions, rule.GetExpression())
	}
	for _, expression := range expressions {
		texts = append(texts, fmt.Sprintf("%q returned false", expression))
	}
	return texts
}

// oneofTexts returns the texts of protovalidate for fields that exclude each other.
func oneofTexts(fields []string) []string {
	names := strings.Join(fields, ", ")
	return []string{"only one of " + names + " can be set", "one of " + names + " must be set"}
}

// cut returns at most size bytes of a text, which is UTF-8.
func cut(text string, size int) string {
	if len(text) <= size {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	for size > 0 && !utf8.RuneStart(text[size]) {
		size--
	}
	return strings.ToValidUTF8(text[:size], "\uFFFD") + "..."
}

// subject is something in a message that has rules.
type subject struct {
	desc        protoreflect.Descriptor
	roles       []fieldrules.Role // of the field, or of the members of a oneof
	fixed       []string          // the texts that the proto states
	expressions []string          // in CEL
	redacted    bool              // the field has debug_redact
	// holdsRedacted reports whether the rules see values of other fields with debug_redact.
	holdsRedacted func() bool
}

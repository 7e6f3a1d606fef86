package model

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/policy"
)

// Reasons holds the error reasons that an enum of the proto lists.
type Reasons struct {
	Doc    []string // the lines of the enum's comment
	Values []Reason
}

// Reason is one error reason, which becomes a constant.
type Reason struct {
	Name  string   // the name of the constant
	Value string   // the domain, a slash, and the reason
	Doc   []string // the lines of the value's comment, or a default line

	Comment []string // the lines of the value's comment alone
}

// reasonEnums returns the enums of a file that list reasons: first the top-level enums, then those
// nested in messages.
func reasonEnums(f *protogen.File, policies *policy.Policies) (enums []*protogen.Enum) {
	add := func(list []*protogen.Enum) {
		for _, e := range list {
			if policies.HasReasons(e.Desc) {
				enums = append(enums, e)
			}
		}
	}
	add(f.Enums)
	for queue := f.Messages; len(queue) > 0; queue = queue[1:] {
		add(queue[0].Enums)
		queue = append(queue[:len(queue):len(queue)], queue[0].Messages...)
	}
	return enums
}

// reasonsOf returns the values of an enum that are reasons: all except the zero value.
func reasonsOf(e *protogen.Enum) []*protogen.EnumValue {
	return slices.DeleteFunc(slices.Clone(e.Values), func(v *protogen.EnumValue) bool { return v.Desc.Number() == 0 })
}

func newReason(e *protogen.Enum, v *protogen.EnumValue, domain, reason string) Reason {
	r := Reason{
		Name:  strings.ReplaceAll(e.GoIdent.GoName, "_", "") + camelCase(reason),
		Value: domain + "/" + reason,
		Doc:   docOf(v.Comments),
	}
	r.Comment = r.Doc
	if len(r.Doc) == 0 {
		r.Doc = []string{r.Name + " is the reason " + reason + "."}
	}
	if isDeprecated(v.Desc, "") || isDeprecated(e.Desc, "") {
		r.Doc = withDeprecation(r.Doc, "Marked as deprecated in "+v.Desc.ParentFile().Path()+".")
	}
	return r
}

// camelCase converts a reason to camel case: OUT_OF_STOCK to OutOfStock.
func camelCase(reason string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(reason, "_") {
		if word != "" {
			name.WriteString(word[:1] + strings.ToLower(word[1:]))
		}
	}
	return name.String()
}

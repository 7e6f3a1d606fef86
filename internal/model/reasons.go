package model

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// Reasons are the reasons of errors that an enum of the proto lists.
type Reasons struct {
	Doc    []string // the lines of the enum's comment
	Values []Reason
}

// Reason is one reason: a constant.
type Reason struct {
	Name  string   // of the constant
	Value string   // the domain, a slash, and the reason
	Doc   []string // the lines of the value's comment
}

// reasonEnums returns the enums of a file that list reasons, those in messages behind those that
// are not.
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

// buildReasons models the reasons that an enum lists.
func (b *builder) buildReasons(e *protogen.Enum) Reasons {
	domain, _ := b.policies.Domain(e.Desc)
	reasons := Reasons{Doc: docOf(e.Comments)}
	if len(reasons.Doc) == 0 {
		reasons.Doc = []string{fmt.Sprintf("Error reasons of %s.", e.Desc.FullName())}
	}
	for _, v := range reasonsOf(e) {
		if reason, err := policy.Reason(v.Desc); err == nil {
			reasons.Values = append(reasons.Values, newReason(e, v, domain, reason))
		}
	}
	return reasons
}

// reasonsOf returns the values of an enum that are reasons: all but the one that is zero.
func reasonsOf(e *protogen.Enum) []*protogen.EnumValue {
	return slices.DeleteFunc(slices.Clone(e.Values), func(v *protogen.EnumValue) bool { return v.Desc.Number() == 0 })
}

func newReason(e *protogen.Enum, v *protogen.EnumValue, domain, reason string) Reason {
	r := Reason{
		Name:  strings.ReplaceAll(e.GoIdent.GoName, "_", "") + camelCase(reason),
		Value: domain + "/" + reason,
		Doc:   docOf(v.Comments),
	}
	if len(r.Doc) == 0 {
		r.Doc = []string{r.Name + " is the reason " + reason + "."}
	}
	if isDeprecated(v.Desc, "") || isDeprecated(e.Desc, "") {
		r.Doc = withDeprecation(r.Doc, "Marked as deprecated in "+v.Desc.ParentFile().Path()+".")
	}
	return r
}

// camelCase makes OutOfStock of OUT_OF_STOCK.
func camelCase(reason string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(reason, "_") {
		if word != "" {
			name.WriteString(word[:1] + strings.ToLower(word[1:]))
		}
	}
	return name.String()
}

// declareReasons adds the constants to the names of the service package.
func (s scope) declareReasons(errs *diag.List, enum protoreflect.EnumDescriptor, reasons Reasons) {
	by := declarer{at: atEnum(enum)}
	for _, r := range reasons.Values {
		s.declareNames(errs, by, []declaration{{r.Name, "reason"}})
	}
}

package model

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern"
)

// Helper is the variable that serves and calls an RPC by its pattern.
type Helper struct {
	Name        string
	Summary     string // the first sentence of Doc, without the name that starts it
	Doc         []string
	Package     string         // the runtime's package: "page", "batch" or "operation"
	Constructor string         // the function of that package that makes it
	Types       []golang.Ident // the type arguments that do not follow from the rest
	Accessors   []Accessor     // the arguments that read fields, in order
	NameField   string         // the argument that is the name of a field, in place of accessors
	Fields      []HelperField
	Deprecated  bool // whether it names something that is deprecated
	Stub        Stub // how a user's method begins that calls it
}

// The runtime's package of operations, and its function for what starts them.
const (
	operationPackage = "operation"
	operationStarter = "Of"
)

// StartsOperations says whether the RPC starts operations.
func (h *Helper) StartsOperations() bool {
	return h.Package == operationPackage && h.Constructor == operationStarter
}

// StartsOperations says whether an RPC of the service starts operations.
func (s Service) StartsOperations() bool {
	return slices.ContainsFunc(s.Methods, func(m Method) bool { return m.Helper != nil && m.Helper.StartsOperations() })
}

// IsShort says whether there is one accessor, a getter, which goes on one line with what is before it.
func (h *Helper) IsShort() bool {
	return h.Package == "page" && len(h.Accessors) == 1 && len(h.Accessors[0].Getters) == 1
}

// HelperField is a field of the Fields of a helper: the names of fields in the proto.
type HelperField struct {
	Name   string
	Value  string
	Values []string // in place of Value
}

// helperNames returns the names that the helper of an RPC may have, the preferred one first. They start with the service, as
// more than one service of a package may have an RPC of that name.
func helperNames(m *protogen.Method, h *Helper) []string {
	name := m.Parent.GoName + m.GoName
	return []string{name, name + capitalized(h.Package)}
}

// setName names the helper.
func (h *Helper) setName(name string) {
	h.Name = name
	h.Doc = append(wrap(name+" "+h.Summary), h.Doc...)
}

// buildHelper models the helper of an RPC, or returns nil where its pattern has none.
func (b *builder) buildHelper(s source, m *protogen.Method, found pattern.Result) *Helper {
	var h *Helper
	var name string
	switch {
	case found.Page != nil:
		h, name = b.buildPage(s, m, found.Page), pattern.PatternPage
	case found.Batch != nil:
		h, name = b.buildBatch(s, m, found.Batch), pattern.PatternBatch
	case found.Operation != nil:
		h, name = b.buildOperation(s, m, found.Operation), pattern.PatternOperation
	case found.Getter != nil:
		h, name = b.buildGetter(m, found.Getter), pattern.PatternOperationGet
	default:
		return nil
	}
	h.Stub = b.stubOf(m, found)
	finding, _ := found.Find(name)
	h.Doc = append(h.Doc, patternDoc(h.Package, finding)...)
	b.warnLikely(m, h.Package, finding)
	return h
}

// patternDoc says which pattern an RPC has, why, and, unless that is certain, what to do about it.
func patternDoc(option string, f pattern.Finding) []string {
	text := fmt.Sprintf("Pattern: %s, %s. %s.", option, f.Level, capitalized(f.Reason))
	if f.Level == pattern.Likely {
		text += " " + likelyAdvice(option, f)
	}
	return append([]string{""}, wrap(text)...)
}

// warnLikely warns of a helper that may not be meant.
func (b *builder) warnLikely(m *protogen.Method, option string, f pattern.Finding) {
	if f.Level == pattern.Likely {
		b.problems.Warnf(atRPC(m), "it is likely, not certain, to be of the pattern %s (%s). %s", option, f.Reason,
			strings.TrimSuffix(likelyAdvice(option, f), "."))
	}
}

func likelyAdvice(option string, f pattern.Finding) string {
	off := fmt.Sprintf("%s: {off: true}", option)
	if f.Advice == "" {
		return fmt.Sprintf("If it is not, set the option %s.", off)
	}
	return fmt.Sprintf("To be sure, set the option %s; if it is not, %s.", f.Advice, off)
}

func capitalized(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// wrap breaks a text into lines of a comment.
func wrap(text string) []string {
	const longest = 125
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > longest {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// pathFields returns the fields of a helper that have a path, in the given order.
func pathFields(pairs ...any) (fields []HelperField) {
	for i := 0; i+1 < len(pairs); i += 2 {
		field := HelperField{Name: pairs[i].(string)}
		switch value := pairs[i+1].(type) {
		case pattern.Path:
			field.Value = value.String()
		case string:
			field.Value = value
		case []string:
			field.Values = slices.Clone(value)
		}
		if field.Value != "" || len(field.Values) > 0 {
			fields = append(fields, field)
		}
	}
	return fields
}

func (b *builder) buildPage(s source, m *protogen.Method, p *pattern.Page) *Helper {
	h := &Helper{
		Package: "page", Constructor: "Of",
		Summary:   fmt.Sprintf("serves %s a page at a time, and reads all its pages.", m.GoName),
		Accessors: []Accessor{b.accessor(s, m, m.Output, p.Items)},
		Fields: pathFields("Items", p.Items, "Size", p.Size, "Token", p.Token, "NextToken", p.NextToken, "Total", p.Total,
			"Skip", p.Skip, "IdempotencyKey", p.RequestID, "Vary", p.Vary),
	}
	if p.Map {
		h.Constructor = "OfMap"
	}
	return h
}

func (b *builder) buildBatch(s source, m *protogen.Method, batch *pattern.Batch) *Helper {
	h := &Helper{
		Package: "batch", Constructor: map[pattern.Mode]string{
			pattern.Ordered: "Ordered", pattern.Keyed: "Keyed", pattern.PerItem: "PerItem", pattern.Done: "Done",
		}[batch.Mode],
		Summary:   batchSummary(m, batch),
		Accessors: []Accessor{b.accessor(s, m, m.Input, batch.Children)},
		Fields: pathFields("Children", batch.Children, "Results", batch.Results, "Missing", batch.Missing, "Status", batch.Status,
			"Value", batch.Value, "IdempotencyKey", batch.RequestID, "Hoisted", batch.Hoisted, "Single", singleName(batch)),
	}
	b.warnWeaker(m, batch)
	if batch.Mode != pattern.Done {
		h.Accessors = append(h.Accessors, b.accessor(s, m, m.Output, batch.Results))
	}
	if batch.Mode == pattern.PerItem {
		item := b.messages[batch.Results.Field().Message().FullName()]
		h.Accessors = append(h.Accessors, b.accessor(s, m, item, batch.Value))
	}
	return h
}

// batchSummary says what the helper of a batch does for its two sides.
func batchSummary(m *protogen.Method, batch *pattern.Batch) string {
	switch batch.Mode {
	case pattern.Keyed:
		return fmt.Sprintf("serves %s from one look-up of all its children, and splits calls that are too big.", m.GoName)
	case pattern.PerItem:
		return fmt.Sprintf("does %s child by child, each with a result or an error of its own, and splits calls that are too big.", m.GoName)
	default:
		return fmt.Sprintf("does %s for all its children or fails, and splits calls that are too big. What Each did before a child "+
			"failed is undone only by a transaction: batch.WithTx.", m.GoName)
	}
}

// anyMessage stands for the messages of an operation that the proto does not name.
var anyMessage = golang.Ident{Name: "Any", Package: "anypb", Path: "google.golang.org/protobuf/types/known/anypb"}

func (b *builder) buildOperation(s source, m *protogen.Method, o *pattern.Operation) *Helper {
	failed := ""
	if o.FailedRequests {
		failed = "failed_requests"
	}
	var children pattern.Path
	if o.Children != nil {
		children = o.Children.Children
		b.warnWeaker(m, o.Children)
	}
	return &Helper{
		Package: "operation", Constructor: "Of",
		Summary: fmt.Sprintf("starts %s, runs it, and waits for it.", m.GoName),
		Types:   []golang.Ident{b.messageOf(s, m, o.Result), b.messageOf(s, m, o.Metadata)},
		Fields: append(pathFields("IdempotencyKey", o.RequestID, "ValidateOnly", o.ValidateOnly, "ConflictKey", o.ConflictKey,
			"Children", children, "Single", singleName(o.Children), "FailedRequests", failed), operationFields(o.Fields)...),
	}
}

// operationFields returns the fields of an operation's message that are not called as those of google.longrunning.Operation.
func operationFields(f pattern.OperationFields) []HelperField {
	return slices.DeleteFunc(pathFields("Name", f.Name, "Done", f.Done, "Error", f.Error, "Response", f.Response, "Metadata", f.Metadata),
		func(field HelperField) bool { return strings.ToLower(field.Name) == field.Value })
}

func (b *builder) buildGetter(m *protogen.Method, g *pattern.Getter) *Helper {
	return &Helper{
		Package: "operation", Constructor: "GetterOf",
		Summary:   fmt.Sprintf("serves %s from the operations of a manager, and asks for them.", m.GoName),
		NameField: g.Name.String(),
		Fields:    operationFields(g.Fields),
	}
}

// messageOf returns the Go type of a message that an option names, or anyMessage where none does.
func (b *builder) messageOf(s source, m *protogen.Method, desc protoreflect.MessageDescriptor) golang.Ident {
	if desc == nil {
		return anyMessage
	}
	message := b.messages[desc.FullName()]
	b.imports(s, m, message.GoIdent, desc)
	return b.ident(message.GoIdent)
}

// isHelperDeprecated says whether the helper of an RPC names a deprecated field or message.
func (b *builder) isHelperDeprecated(found pattern.Result) bool {
	var paths []pattern.Path
	var messages []protoreflect.MessageDescriptor
	if p := found.Page; p != nil {
		paths = append(paths, p.Items)
	}
	if batch := found.Batch; batch != nil {
		paths = append(paths, batch.Children, batch.Results, batch.Value)
	}
	if o := found.Operation; o != nil {
		messages = append(messages, o.Result, o.Metadata)
	}
	for _, path := range paths {
		for _, field := range path {
			if isDeprecated(field, string(b.field(field).Comments.Leading)) {
				return true
			}
			messages = append(messages, field.ContainingMessage(), field.Message())
		}
	}
	return slices.ContainsFunc(messages, func(desc protoreflect.MessageDescriptor) bool {
		return desc != nil && b.messages[desc.FullName()] != nil && b.isDeprecatedMessage(b.messages[desc.FullName()])
	})
}

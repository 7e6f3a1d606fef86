package operation

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

var (
	operationNames = []string{"name", "id"}
	doneNames      = []string{"done"}
	responseNames  = []string{"response", "result"}
	metadataNames  = []string{"metadata"}
)

// Message contains the fields of an operation's message: google.longrunning.Operation, a message
// with its shape, or one whose status is an enum.
type Message struct {
	Name     shape.Path // string
	Done     shape.Path // bool; empty if Status is set
	Status   *Status
	Error    shape.Path // google.rpc.Status, or a message with the same encoding; see also Status
	Response shape.Path // google.protobuf.Any, or the message of the result itself
	Metadata shape.Path // google.protobuf.Any, or the message of the metadata itself; may be empty
}

// describedBy reports whether an option describes a message whose status is an enum.
func (m Message) describedBy(option string) bool {
	parts := []string{"status", "done", "failed", "pending", "running", "name", "error", "error_code", "result"}
	part, ok := strings.CutPrefix(option, "operation.")
	part, _, _ = strings.Cut(part, "[")
	return ok && m.Status != nil && slices.Contains(parts, part)
}

// described is an operation's message with how it was found.
type described struct {
	Message
	pattern.Evidence
	lacks string // what keeps the message from being an operation; or ""
}

// describe returns the fields of a message as an operation: as the options said describe it, by its
// shape, or by its annotations. report takes the problems in what the options say.
func describe(m protoreflect.MessageDescriptor, said *grpcservicev1.Operation, report func(field, text string)) described {
	if said != nil && said.Status != nil {
		return (&statusFinder{message: m, said: said, report: report}).find()
	}
	fields, lacks := operationFields(m)
	if lacks == "" {
		return described{Message: fields}
	}
	if status := annotated(m, annotatedStatus); len(status) > 0 && shape.IsEnum(status.Field()) {
		return (&statusFinder{message: m, said: said, report: report}).find()
	}
	return described{lacks: lacks}
}

// returned returns the fields of the message that a method returns as an operation: as its own
// options describe it, or, for a method that does not start operations, those of one that does.
func returned(m *pattern.Method) described {
	found := describe(m.Out, m.Policy.GetOperation(), m.Problem)
	if found.lacks == "" || operationVerb(m.Desc) == "" {
		return found
	}
	for other := range m.Others() {
		if other.Output().FullName() != m.Out.FullName() || operationVerb(other) != "" {
			continue
		}
		if as := describe(m.Out, m.PolicyOf(other).GetOperation(), reportsNothing); as.lacks == "" {
			return as
		}
	}
	return found
}

// reportsNothing drops problems in the options of another method, which reports them itself.
func reportsNothing(string, string) {}

// operationFields returns the fields of a message with the shape of google.longrunning.Operation,
// or what the message lacks.
func operationFields(m protoreflect.MessageDescriptor) (f Message, lacks string) {
	f = Message{
		Name:     shape.FirstNamed(m, operationNames, shape.IsString),
		Done:     shape.FirstNamed(m, doneNames, shape.IsBool),
		Error:    shape.ErrorField(m),
		Response: shape.FirstNamed(m, responseNames, isResult),
		Metadata: shape.FirstNamed(m, metadataNames, shape.IsMessage),
	}
	switch {
	case len(f.Done) == 0:
		return f, "has no bool done"
	case len(f.Error) == 0:
		return f, "has no google.rpc.Status error"
	case len(f.Response) == 0:
		return f, "has no message response"
	case len(f.Name) == 0:
		return f, "has no string name"
	default:
		return f, ""
	}
}

// reads is a necessary condition of describe, which the patterns require of the response if no
// options say anything: it has a field done, or a status that may have an annotation.
func reads(o pattern.Outline) pattern.Reads {
	for _, name := range append(slices.Clone(doneNames), statusName) {
		if slices.Contains(o.Response, shape.Letters(name)) {
			return pattern.ReadsBoth
		}
	}
	return pattern.ReadsNothing
}

func isResult(f protoreflect.FieldDescriptor) bool {
	return shape.IsMessage(f) && !shape.IsStatus(f.Message())
}

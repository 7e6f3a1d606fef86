package operation

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/batch"
	"github.com/grpcservice/grpcservice/internal/pattern/idempotency"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

const (
	operationMessage protoreflect.FullName = "google.longrunning.Operation"
	infoResponse     protowire.Number      = 1 // google.longrunning.OperationInfo.response_type
	infoMetadata     protowire.Number      = 2 // google.longrunning.OperationInfo.metadata_type
)

var (
	validateOnlyNames = []string{"validate_only", "dry_run"}
	failedRequests    = protoreflect.Name("failed_requests")
)

// starter looks for the parts of a method that starts a long-running operation.
type starter struct {
	*pattern.Method
	pattern.Evidence
	said      *grpcservicev1.Operation
	operation Operation
}

// detect looks for a method that starts an operation.
func detect(m *pattern.Method) pattern.Found {
	fields, lacks := operationFields(m.Out)
	if lacks != "" {
		if m.Out.Name() == "Operation" {
			m.ReportPossible(Name, fmt.Sprintf("it returns %s, which %s", m.Short(m.Out), lacks), "")
		}
		return nil
	}
	verb := operationVerb(m.Desc)
	if verb == "get" {
		return nil // detectGetter handles it
	}
	// The second condition applies to GetJobStatus if the operation's message is Job.
	if verb != "" || m.Out.Name() != operationMessage.Name() && idempotency.IsRead(m.Desc) {
		m.ReportPossible(Name, "its name is that of a method for existing operations", "")
		return nil
	}
	s := starter{Method: m, said: m.Policy.GetOperation(), operation: Operation{Message: fields}}
	if s.said == nil {
		s.said = &grpcservicev1.Operation{}
	}
	s.findFields()
	s.Found(pattern.Certain, s.returns())
	s.findTypes()
	s.findChildren()
	s.checkConflict()
	m.Report(Name, s.Evidence)
	return &s.operation
}

// findFields finds the fields of the request that the operation uses.
func (s *starter) findFields() {
	if path, sure := idempotency.FieldOf(s.Method); sure {
		s.operation.IdempotencyKey = path
	}
	s.operation.ValidateOnly = shape.FirstNamed(s.In, validateOnlyNames, shape.IsBool)
	path, ok := s.NamedOrNone("operation.conflict_key", s.said.ConflictKey, s.In, shape.AKey)
	if ok && len(path) > 0 {
		s.operation.ConflictKey = path
		s.ByPolicy = append(s.ByPolicy, "conflict_key")
	}
}

// returns describes the return type of the method as an operation.
func (s *starter) returns() string {
	if s.Out.FullName() == operationMessage {
		return fmt.Sprintf("it returns %s", operationMessage)
	}
	return fmt.Sprintf("it returns %s, which has the shape of %s", s.Short(s.Out), operationMessage)
}

// findTypes finds the messages of the operation's result and metadata: those that the policy names,
// those of operation_info, or those of the operation's own fields.
func (s *starter) findTypes() {
	var info operationTypes
	for _, raw := range policy.RawFields(s.Desc.Options(), pattern.OperationInfo) {
		info = operationTypes{response: shape.TextIn(raw, infoResponse), metadata: shape.TextIn(raw, infoMetadata)}
	}
	result := s.findType("response_type", s.said.ResponseType, info.response, s.operation.Message.Response)
	metadata := s.findType("metadata_type", s.said.MetadataType, info.metadata, s.operation.Message.Metadata)
	s.operation.Result, s.operation.Metadata = result.message, metadata.message
	s.operation.FailedRequests = hasFailedRequests(metadata.message)
	s.explainTypes(result, metadata)
}

// operationTypes are the type names in an operation_info.
type operationTypes struct{ response, metadata string }

// foundType is the message of an operation's result or metadata.
type foundType struct {
	message protoreflect.MessageDescriptor
	source  string // where it is named
	unknown string // its name in operation_info, if no message has it
}

func (s *starter) findType(option string, said *string, info string, field shape.Path) foundType {
	if said != nil {
		if m := s.LookUp(*said); m != nil {
			s.ByPolicy = append(s.ByPolicy, option)
			return foundType{message: m, source: "its policy"}
		}
		s.Problem("operation."+option, fmt.Sprintf("no imported file has a message %q; import its file, and use its full name, as in %q", *said, s.Out.FullName()))
	}
	if m := s.LookUp(info); m != nil {
		return foundType{message: m, source: "operation_info"}
	}
	if len(field) > 0 && field.Field().Message().FullName() != shape.AnyMessage {
		return foundType{message: field.Field().Message(), source: "its shape"}
	}
	return foundType{unknown: info}
}

// explainTypes explains the source of the types. If google.longrunning requires an operation_info
// and it is missing, or names an unknown message, the helper would have no types.
func (s *starter) explainTypes(result, metadata foundType) {
	untyped := result.message == nil || metadata.message == nil && len(s.operation.Message.Metadata) > 0
	var unknown []string
	for _, t := range []foundType{result, metadata} {
		if t.unknown != "" && !slices.Contains(unknown, t.unknown) {
			unknown = append(unknown, t.unknown)
		}
	}
	switch {
	case len(unknown) > 0:
		s.Found(pattern.Likely, fmt.Sprintf("operation_info names %s, which no imported file declares", shape.Join(unknown)))
	case untyped && s.Out.FullName() == operationMessage:
		s.Found(pattern.Likely, "no operation_info names its response and metadata types")
	default:
		s.explainSources(result, metadata)
	}
	if s.Level() < pattern.Certain {
		s.Advice = append(s.Advice, adviseType("response_type", result.message), adviseType("metadata_type", metadata.message))
	}
}

func (s *starter) explainSources(result, metadata foundType) {
	switch {
	case result.message == nil && metadata.message == nil:
	case result.message != nil && metadata.message != nil && result.source == metadata.source:
		s.Reasons = append(s.Reasons, fmt.Sprintf("%s names %s and %s", result.source, s.Short(result.message), s.Short(metadata.message)))
	default:
		for _, t := range []foundType{result, metadata} {
			if t.message != nil {
				s.Reasons = append(s.Reasons, fmt.Sprintf("%s names %s", t.source, s.Short(t.message)))
			}
		}
	}
}

// adviseType formats the option that names a type; if the type is unknown, the user has to supply
// it.
func adviseType(option string, m protoreflect.MessageDescriptor) string {
	if m == nil {
		return option + `: "..."`
	}
	return fmt.Sprintf("%s: %q", option, m.FullName())
}

// findChildren finds the items of a batch that returns an operation.
func (s *starter) findChildren() {
	children, evidence := batch.Inside(s.Method, fmt.Sprintf("the method returns %s, and its results are in operation.response_type; remove it", s.Short(s.Out)))
	if children == nil {
		return
	}
	s.operation.Children = children
	s.Reasons = append(s.Reasons, evidence.Reasons...)
	for _, part := range evidence.ByPolicy {
		s.ByPolicy = append(s.ByPolicy, batch.Name+"."+part)
	}
}

// checkConflict reports a conflict policy for operations that cannot conflict.
func (s *starter) checkConflict() {
	if s.said.GetOnConflict() != grpcservicev1.Operation_ON_CONFLICT_UNSPECIFIED && s.said.GetConflictKey() == "" {
		s.LimitProblem("operation.on_conflict", "it requires conflict_key; set that to a field of the request, or remove on_conflict")
	}
}

// hasFailedRequests reports whether a metadata message has the errors of items by index (AIP-233).
func hasFailedRequests(m protoreflect.MessageDescriptor) bool {
	if m == nil {
		return false
	}
	f := m.Fields().ByName(failedRequests)
	return f != nil && f.IsMap() && shape.GoKey(f.MapKey()) == "int32" && f.MapValue().Message() != nil &&
		f.MapValue().Message().FullName() == shape.StatusMessage
}

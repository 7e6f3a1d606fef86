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
	verb := operationVerb(m.Desc)
	if verb == "get" || actionVerb(m.Desc) != "" {
		return nil // detectGetter and detectAction handle it
	}
	found := returned(m)
	if found.lacks != "" {
		reportPossible(m, found.lacks)
		return nil
	}
	// The second condition applies to GetJobStatus if the operation's message is Job.
	if verb != "" || m.Out.Name() != operationMessage.Name() && idempotency.IsRead(m.Desc) {
		m.ReportPossible(Name, "its name is that of a method for existing operations", "")
		return nil
	}
	s := starter{Method: m, said: m.Policy.GetOperation(), operation: Operation{Message: found.Message}}
	if s.said == nil {
		s.said = &grpcservicev1.Operation{}
	}
	s.Evidence = found.Evidence
	s.Reasons = nil
	s.Found(pattern.Certain, s.returns())
	s.Reasons = append(s.Reasons, found.Reasons...)
	s.findFields()
	s.findTypes()
	s.findChildren()
	s.checkConflict()
	m.Report(Name, s.Evidence)
	return &s.operation
}

// reportPossible reports a method that may start an operation: its message has the name of one, or
// a status with the values of one.
func reportPossible(m *pattern.Method, lacks string) {
	if m.HasProblem("operation") {
		return
	}
	if part := describesWithoutStatus(m.Policy.GetOperation()); part != "" {
		m.Problem("operation."+part, "it describes an operation whose status is an enum; set operation.status to the field of the enum")
		return
	}
	status := mayHaveStatus(m.Out)
	advice := ""
	if len(status.Field) > 0 {
		advice = pattern.Option(Name, adviseStatus(status)...)
	}
	switch {
	case m.Out.Name() == operationMessage.Name():
		m.ReportPossible(Name, fmt.Sprintf("it returns %s, which %s", m.Short(m.Out), lacks), advice)
	case len(status.Done) > 0 && status.Running != "" && !idempotency.IsRead(m.Desc):
		m.ReportPossible(Name, fmt.Sprintf("it returns %s, whose %s may state that an operation is done", m.Short(m.Out), status.Field), advice)
	}
}

// describesWithoutStatus returns an option that describes an operation's message, or "", if the one
// that names its status is missing.
func describesWithoutStatus(said *grpcservicev1.Operation) string {
	if said == nil || said.Status != nil {
		return ""
	}
	for _, part := range []struct {
		name string
		set  bool
	}{
		{"done", len(said.Done) > 0}, {"failed", len(said.Failed) > 0}, {"pending", said.Pending != nil},
		{"running", said.Running != nil}, {"name", said.Name != nil}, {"error", said.Error != nil},
		{"error_code", said.ErrorCode != nil}, {"result", said.Result != nil},
	} {
		if part.set {
			return part.name
		}
	}
	return ""
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
	if status := s.operation.Message.Status; status != nil {
		return fmt.Sprintf("it returns %s, which is done when %s is %s", s.Short(s.Out), status.Field,
			shape.JoinOr(slices.Concat(status.Done, status.Failed)))
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
		if m := s.LookUp(*said); m != nil && s.holds(m, field) {
			s.ByPolicy = append(s.ByPolicy, option)
			return foundType{message: m, source: "its policy"}
		} else if m != nil {
			s.Problem("operation."+option, fmt.Sprintf("no field of %s holds a %s; remove it", s.Out.FullName(), m.FullName()))
			return foundType{}
		}
		s.Problem("operation."+option, fmt.Sprintf("no imported file has a message %q; import its file, and use its full name, as in %q", *said, s.Out.FullName()))
	}
	if m := s.LookUp(info); m != nil {
		return foundType{message: m, source: "operation_info"}
	}
	switch {
	case len(field) > 0 && field.Field().Message().FullName() != shape.AnyMessage:
		return foundType{message: field.Field().Message(), source: "its shape"}
	case len(field) == 0 && s.operation.Message.Status != nil:
		return foundType{message: s.Out, source: "its shape"}
	}
	return foundType{unknown: info}
}

// holds reports whether a field of an operation with a status can hold a message, or the operation
// itself is that message. Other operations drop what they have no field for.
func (s *starter) holds(m protoreflect.MessageDescriptor, field shape.Path) bool {
	if s.operation.Message.Status == nil {
		return true
	}
	own := s.Out
	if len(field) > 0 {
		own = field.Field().Message()
	}
	return own.FullName() == m.FullName() || own.FullName() == shape.AnyMessage
}

// explainTypes explains the source of the types. If google.longrunning requires an operation_info
// and it is missing, or names an unknown message, the helper would have no types.
func (s *starter) explainTypes(result, metadata foundType) {
	advise := func() {
		s.Advice = append(s.Advice, adviseType("response_type", result.message), adviseType("metadata_type", metadata.message))
	}
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
		advise()
	case untyped && s.Out.FullName() == operationMessage:
		s.Found(pattern.Likely, "no operation_info names its response and metadata types")
		advise()
	default:
		s.explainSources(result, metadata)
	}
}

func (s *starter) explainSources(result, metadata foundType) {
	switch {
	case result.message == nil && metadata.message == nil:
	case result.message == s.Out && metadata.message == s.Out:
		s.Reasons = append(s.Reasons, fmt.Sprintf("%s is also its result and its progress", s.Short(s.Out)))
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

package pattern

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

const (
	operationMessage protoreflect.FullName    = "google.longrunning.Operation"
	operationInfo    protoreflect.FieldNumber = 1049 // google.longrunning.operation_info (AIP-151)
	infoResponse     protowire.Number         = 1    // google.longrunning.OperationInfo.response_type
	infoMetadata     protowire.Number         = 2    // google.longrunning.OperationInfo.metadata_type
)

var (
	validateOnlyNames = []string{"validate_only", "dry_run"}
	failedRequests    = protoreflect.Name("failed_requests")
)

// starter looks for what starts a long-running operation.
type starter struct {
	*detector
	evidence
	said      *grpcservicev1.Operation
	operation Operation
}

// findOperation looks for a method that starts an operation, or gets one, and says whether it does either.
func (d *detector) findOperation() bool {
	if d.said.GetOperation().GetOff() {
		return false
	}
	fields, lacks := operationFields(d.out)
	if lacks != "" {
		if d.out.Name() == "Operation" {
			d.reportPossible(PatternOperation, fmt.Sprintf("it returns %s, which %s", d.short(d.out), lacks), "")
		}
		return false
	}
	if verb := operationVerb(d.method); verb != "" {
		return d.findGetter(verb, fields)
	}
	if d.out.Name() != operationMessage.Name() && d.isRead() { // as GetJobStatus, where the operation is called Job
		d.reportPossible(PatternOperation, "by its name it starts no operation, and is for those that there are", "")
		return false
	}
	s := starter{detector: d, said: d.said.GetOperation(), operation: Operation{Fields: fields}}
	if s.said == nil {
		s.said = &grpcservicev1.Operation{}
	}
	s.findFields()
	s.found(Certain, s.returns())
	s.findTypes()
	s.findChildren()
	d.result.Operation = &s.operation
	d.report(PatternOperation, s.evidence)
	return true
}

// findFields finds the fields of the request that an operation knows.
func (s *starter) findFields() {
	if path, sure := s.idField(); sure {
		s.operation.RequestID = path
	}
	s.operation.ValidateOnly = firstNamed(s.in, validateOnlyNames, isBool)
	path, ok := s.namedOrNone("operation.conflict_key", s.said.ConflictKey, s.in, aKey)
	if ok && len(path) > 0 {
		s.operation.ConflictKey = path
		s.byPolicy = append(s.byPolicy, "conflict_key")
	}
}

// returns says what the method returns, and that it is an operation.
func (s *starter) returns() string {
	if s.out.FullName() == operationMessage {
		return fmt.Sprintf("it returns %s", operationMessage)
	}
	return fmt.Sprintf("it returns %s, which has the shape of %s", s.short(s.out), operationMessage)
}

// findTypes finds the messages that the operation ends with and tells its progress by: those that the policy names, those of
// operation_info, or those of the operation's own fields.
func (s *starter) findTypes() {
	var info operationTypes
	for _, raw := range policy.RawFields(s.method.Options(), operationInfo) {
		info = operationTypes{response: textIn(raw, infoResponse), metadata: textIn(raw, infoMetadata)}
	}
	result := s.findType("response_type", s.said.ResponseType, info.response, s.operation.Fields.Response)
	metadata := s.findType("metadata_type", s.said.MetadataType, info.metadata, s.operation.Fields.Metadata)
	s.operation.Result, s.operation.Metadata = result.message, metadata.message
	s.operation.FailedRequests = hasFailedRequests(metadata.message)
	s.explainTypes(result, metadata)
}

// operationTypes are the names in an operation_info.
type operationTypes struct{ response, metadata string }

// foundType is a message that an operation ends with or tells its progress by.
type foundType struct {
	message protoreflect.MessageDescriptor
	source  string // what names it
	unknown string // its name in operation_info, where nothing is known by it
}

func (s *starter) findType(option string, said *string, info string, field Path) foundType {
	if said != nil {
		if m := s.lookUp(*said); m != nil {
			s.byPolicy = append(s.byPolicy, option)
			return foundType{message: m, source: "its policy"}
		}
		s.problem("operation."+option, fmt.Sprintf("no imported file has a message %q; import its file, and name it in full, as in %q", *said, s.out.FullName()))
	}
	if m := s.lookUp(info); m != nil {
		return foundType{message: m, source: "operation_info"}
	}
	if len(field) > 0 && field.Field().Message().FullName() != anyMessage {
		return foundType{message: field.Field().Message(), source: "its shape"}
	}
	return foundType{unknown: info}
}

// lookUp returns the message of a name in the method's package, or of a full name.
func (d *detector) lookUp(name string) protoreflect.MessageDescriptor {
	full := protoreflect.FullName(strings.TrimPrefix(name, "."))
	if !full.IsValid() || d.find == nil {
		return nil
	}
	find := func(name protoreflect.FullName) protoreflect.MessageDescriptor {
		if m := d.find(name); m != nil && !m.IsMapEntry() { // which Go has no type for
			return m
		}
		return nil
	}
	if pkg := d.method.ParentFile().Package(); pkg != "" && !strings.HasPrefix(name, ".") {
		if m := find(pkg + "." + full); m != nil {
			return m
		}
	}
	return find(full)
}

// explainTypes says where the types are from. Where google.longrunning wants an operation_info and there is none, or where it
// names what nobody knows, the helper would have no types.
func (s *starter) explainTypes(result, metadata foundType) {
	untyped := result.message == nil || metadata.message == nil && len(s.operation.Fields.Metadata) > 0
	var unknown []string
	for _, t := range []foundType{result, metadata} {
		if t.unknown != "" && !slices.Contains(unknown, t.unknown) {
			unknown = append(unknown, t.unknown)
		}
	}
	switch {
	case len(unknown) > 0:
		s.found(Likely, fmt.Sprintf("operation_info names %s, which no imported file has", join(unknown)))
	case untyped && s.out.FullName() == operationMessage:
		s.found(Likely, "no operation_info says what it ends with and tells its progress by")
	default:
		s.explainSources(result, metadata)
	}
	if s.level() < Certain {
		s.advice = append(s.advice, adviseType("response_type", result.message), adviseType("metadata_type", metadata.message))
	}
}

func (s *starter) explainSources(result, metadata foundType) {
	switch {
	case result.message == nil && metadata.message == nil:
	case result.message != nil && metadata.message != nil && result.source == metadata.source:
		s.reasons = append(s.reasons, fmt.Sprintf("%s names %s and %s", result.source, s.short(result.message), s.short(metadata.message)))
	default:
		for _, t := range []foundType{result, metadata} {
			if t.message != nil {
				s.reasons = append(s.reasons, fmt.Sprintf("%s names %s", t.source, s.short(t.message)))
			}
		}
	}
}

// adviseType spells the option that names a type; of one that is not known, the user has to say it.
func adviseType(option string, m protoreflect.MessageDescriptor) string {
	if m == nil {
		return option + `: "..."`
	}
	return fmt.Sprintf("%s: %q", option, m.FullName())
}

// findChildren finds the children of a batch that returns an operation.
func (s *starter) findChildren() {
	b := s.newBatcher()
	if b.said.GetOff() || !b.findChildren() {
		return
	}
	if b.level() < Certain {
		s.reportPossible(PatternBatch, b.reasons[0], option(PatternBatch, b.advice...))
		return
	}
	b.batch.Mode = Done
	b.refuseResults(fmt.Sprintf("the method returns %s, and its results are in operation.response_type; remove it", s.short(s.out)))
	b.finish()
	s.operation.Children = &b.batch
	s.reasons = append(s.reasons, b.reasons...)
	for _, part := range b.byPolicy {
		s.byPolicy = append(s.byPolicy, PatternBatch+"."+part)
	}
}

// hasFailedRequests says whether a metadata message has the errors of children by their index (AIP-233).
func hasFailedRequests(m protoreflect.MessageDescriptor) bool {
	if m == nil {
		return false
	}
	f := m.Fields().ByName(failedRequests)
	return f != nil && f.IsMap() && goKey(f.MapKey()) == "int32" && f.MapValue().Message() != nil &&
		f.MapValue().Message().FullName() == statusMessage
}

// short returns the name of a message as its method's package calls it.
func (d *detector) short(m protoreflect.MessageDescriptor) string {
	name := string(m.FullName())
	if pkg := d.method.ParentFile().Package(); pkg != "" {
		name = strings.TrimPrefix(name, string(pkg)+".")
	}
	return name
}

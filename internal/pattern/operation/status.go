package operation

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Status describes the enum of an operation's message that states whether the operation is done.
type Status struct {
	Field            shape.Path
	Done, Failed     []string // names of its values; the first ones stand for success and failure
	Pending, Running string   // its values before the first attempt, and after
	ErrorCode        shape.Path
}

// The field option google.cloud.operation_field, and its values.
const (
	operationField protoreflect.FieldNumber = 1149

	annotatedName    = 1
	annotatedStatus  = 2
	annotatedCode    = 3
	annotatedMessage = 4
)

// statusName is the field that an annotated status must have, because only messages with it are
// read.
const statusName = "status"

// Values and fields by their customary names.
var (
	statusNames    = []string{statusName, "state"}
	doneValues     = []string{"SUCCEEDED", "SUCCESS", "SUCCESSFUL", "COMPLETED", "COMPLETE", "FINISHED", "DONE"}
	failedValues   = []string{"FAILED", "FAILURE", "ERROR", "CANCELLED", "CANCELED"}
	pendingValues  = []string{"PENDING", "QUEUED", "WAITING", "SCHEDULED", "ACCEPTED", "SUBMITTED", "CREATED", "NEW"}
	runningValues  = []string{"RUNNING", "IN_PROGRESS", "PROCESSING", "STARTED", "ACTIVE", "WORKING", "EXECUTING"}
	errorNames     = []string{"error", "failure"}
	errorTextNames = []string{"error", "error_message", "failure", "failure_message", "failure_reason", "http_error_message"}
	errorCodeNames = []string{"error_code", "failure_code", "http_error_status_code"}
)

// anError is the kind of field that can contain the error of an operation.
var anError = shape.Kind{Fits: isError, Text: "a string, or a message with a string message or a list of such messages"}

func isError(f protoreflect.FieldDescriptor) bool {
	return shape.IsString(f) || shape.IsMessage(f) && holdsError(f.Message())
}

// holdsError reports whether a message has a text, or a list errors of messages that do.
func holdsError(m protoreflect.MessageDescriptor) bool {
	if hasText(m) {
		return true
	}
	list := m.Fields().ByName("errors")
	return list != nil && shape.IsMessageList(list) && hasText(list.Message())
}

func hasText(m protoreflect.MessageDescriptor) bool {
	text := m.Fields().ByName("message")
	return text != nil && shape.IsString(text)
}

// statusFinder finds the fields of an operation's message whose status is an enum.
type statusFinder struct {
	message protoreflect.MessageDescriptor
	said    *grpcservicev1.Operation // it may be nil
	report  func(field, text string)

	found  described
	status Status
}

// find returns the fields, or what the message lacks; problems were reported then.
func (f *statusFinder) find() described {
	f.status.Field = f.field("status", f.said.GetStatus(), shape.AnEnum, annotated(f.message, annotatedStatus))
	if f.found.lacks != "" {
		return f.found
	}
	f.findFields()
	f.findValues()
	if f.found.lacks == "" && len(f.status.Failed) == 0 && len(f.found.Error) == 0 && len(f.status.ErrorCode) == 0 {
		f.problem("failed", fmt.Sprintf("neither a value of %s nor a field of %s states that an operation has failed; "+
			"name values, or set error", f.enum().FullName(), f.message.FullName()))
	}
	if f.found.lacks == "" {
		f.found.Status = &f.status
	}
	return f.found
}

// findFields finds the fields besides the status.
func (f *statusFinder) findFields() {
	own := shape.WordsOf(f.message.Name())
	names := append(slices.Clone(operationNames), strings.Join(append(own, "name"), "_"), strings.Join(append(own, "id"), "_"))
	f.found.Name = f.field("name", f.said.GetName(), shape.AString,
		annotated(f.message, annotatedName), shape.FirstNamed(f.message, names, shape.IsString))
	if len(f.found.Name) == 0 && f.said.GetName() == "" {
		f.problem("name", fmt.Sprintf("no string of %s has the name of an operation's name; set it to one", f.message.FullName()))
	}
	if f.said == nil || f.said.Error == nil || *f.said.Error != "" {
		f.found.Error = f.field("error", f.said.GetError(), anError, annotated(f.message, annotatedMessage),
			shape.ErrorField(f.message), shape.FirstNamed(f.message, errorNames, anError.Fits),
			shape.FirstNamed(f.message, errorTextNames, shape.IsString))
	}
	if f.said == nil || f.said.ErrorCode == nil || *f.said.ErrorCode != "" {
		f.status.ErrorCode = f.field("error_code", f.said.GetErrorCode(), shape.AnErrorCode,
			annotated(f.message, annotatedCode), shape.FirstNamed(f.message, errorCodeNames, shape.AnErrorCode.Fits))
	}
	if f.said == nil || f.said.Result == nil || *f.said.Result != "" {
		f.found.Response = f.field("result", f.said.GetResult(), shape.AMessage, shape.FirstNamed(f.message, responseNames, isResult))
	}
	f.found.Metadata = shape.FirstNamed(f.message, metadataNames, shape.IsMessage)
}

// field returns the field that an option names, or else the first of the others that is not empty.
func (f *statusFinder) field(option, said string, want shape.Kind, others ...shape.Path) shape.Path {
	if said == "" {
		for _, path := range others {
			if len(path) > 0 {
				return path
			}
		}
		return nil
	}
	path, wrong := shape.ResolveAs(f.message, said, want)
	if wrong != "" {
		f.problem(option, wrong)
		return nil
	}
	f.found.ByPolicy = append(f.found.ByPolicy, option)
	return path
}

// problem reports what is wrong with an option. The message is no operation then.
func (f *statusFinder) problem(option, text string) {
	f.report("operation."+option, text)
	f.found.lacks = "has problems in its options"
}

func (f *statusFinder) enum() protoreflect.EnumDescriptor { return f.status.Field.Field().Enum() }

// findValues finds the values of the enum.
func (f *statusFinder) findValues() {
	f.status.Done = f.values("done", f.said.GetDone(), doneValues)
	f.status.Failed = f.values("failed", f.said.GetFailed(), failedValues)
	if len(f.status.Done) == 0 && f.found.lacks == "" {
		f.problem("done", fmt.Sprintf("no value of %s has the name of an end; set it to those that stand for one, of %s",
			f.enum().FullName(), valuesOf(f.enum())))
	}
	if both := slices.IndexFunc(f.status.Failed, func(v string) bool { return slices.Contains(f.status.Done, v) }); both >= 0 {
		f.problem("failed", fmt.Sprintf("%s is also in operation.done; remove it from one of them", f.status.Failed[both]))
	}
	f.findUnfinished()
	if len(f.said.GetDone()) > 0 {
		f.found.ByPolicy = append(f.found.ByPolicy, "done")
	} else if f.said.GetStatus() != "" && f.found.lacks == "" {
		f.found.Found(pattern.Likely, fmt.Sprintf("done: %s, by name", shape.Join(f.status.Done)))
		f.found.Advice = adviseStatus(f.status)
	}
}

// findUnfinished finds the values of an operation that is not done. One of them may stand for both.
func (f *statusFinder) findUnfinished() {
	for _, of := range []struct {
		option, said string
		to           *string
		names        []string
	}{
		{"pending", f.said.GetPending(), &f.status.Pending, pendingValues},
		{"running", f.said.GetRunning(), &f.status.Running, runningValues},
	} {
		var said []string
		if of.said != "" {
			said = []string{of.said}
		}
		values := f.values(of.option, said, of.names)
		if len(values) == 0 {
			continue
		}
		*of.to = values[0]
		if slices.Contains(f.status.Done, *of.to) || slices.Contains(f.status.Failed, *of.to) {
			f.problem(of.option, fmt.Sprintf("%s is also in operation.done or operation.failed; name another value", *of.to))
		}
	}
	if f.status.Pending == "" {
		f.status.Pending = f.status.Running
	}
	if f.status.Running == "" {
		f.status.Running = f.status.Pending
	}
	if f.status.Running == "" && f.found.lacks == "" {
		f.problem("running", fmt.Sprintf("no value of %s has the name of an operation that is not done; set it to one of %s",
			f.enum().FullName(), valuesOf(f.enum())))
	}
}

// values returns the values that an option names, or else those with customary names.
func (f *statusFinder) values(option string, said, customary []string) []string {
	if len(said) == 0 {
		return valuesNamed(f.enum(), customary)
	}
	for i, name := range said {
		if f.enum().Values().ByName(protoreflect.Name(name)) == nil {
			f.problem(option, fmt.Sprintf("%s has no value %q; want one of %s", f.enum().FullName(), name, valuesOf(f.enum())))
		} else if slices.Contains(said[:i], name) {
			f.problem(option, fmt.Sprintf("it has %s twice; remove one", name))
		}
	}
	return said
}

// valuesNamed returns the values of an enum with customary names, such as SUCCEEDED, or
// STATUS_SUCCEEDED if all values start with STATUS_, in the order of the names.
func valuesNamed(enum protoreflect.EnumDescriptor, names []string) (values []string) {
	prefix := commonPrefix(enum)
	for _, name := range names {
		for _, value := range []string{name, prefix + name} {
			if enum.Values().ByName(protoreflect.Name(value)) != nil && !slices.Contains(values, value) {
				values = append(values, value)
			}
		}
	}
	return values
}

// commonPrefix returns the words that the names of all values of an enum start with.
func commonPrefix(enum protoreflect.EnumDescriptor) string {
	prefix := string(enum.Values().Get(0).Name())
	for i := range enum.Values().Len() {
		for !strings.HasPrefix(string(enum.Values().Get(i).Name()), prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix[:strings.LastIndexByte(prefix, '_')+1]
}

// valuesOf formats the values of an enum.
func valuesOf(enum protoreflect.EnumDescriptor) string {
	const most = 12
	var names []string
	for i := range min(enum.Values().Len(), most) {
		names = append(names, string(enum.Values().Get(i).Name()))
	}
	if more := enum.Values().Len() - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return shape.Join(names)
}

// adviseStatus formats the options that describe a status.
func adviseStatus(s Status) []string {
	quoted := func(option string, values []string) string {
		return fmt.Sprintf(`%s: ["%s"]`, option, strings.Join(values, `", "`))
	}
	done := s.Done
	if len(done) == 0 {
		done = []string{"..."}
	}
	advice := []string{fmt.Sprintf("status: %q", s.Field), quoted("done", done)}
	if len(s.Failed) > 0 {
		advice = append(advice, quoted("failed", s.Failed))
	}
	return advice
}

// mayHaveStatus returns the status of a message that may be an operation, with the values that have
// customary names, or an empty one.
func mayHaveStatus(m protoreflect.MessageDescriptor) (s Status) {
	if s.Field = shape.FirstNamed(m, statusNames, shape.IsEnum); len(s.Field) > 0 {
		enum := s.Field.Field().Enum()
		s.Done, s.Failed = valuesNamed(enum, doneValues), valuesNamed(enum, failedValues)
		s.Running = strings.Join(valuesNamed(enum, append(slices.Clone(runningValues), pendingValues...)), " ")
	}
	return s
}

// annotated returns the field of a message that google.cloud.operation_field maps to a field of
// google.longrunning.Operation. It is empty unless the message has a status.
func annotated(m protoreflect.MessageDescriptor, as uint64) shape.Path {
	if shape.FieldNamed(m, statusName) == nil {
		return nil
	}
	for f := range shape.FieldsOf(m) {
		for _, raw := range policy.RawFields(f.Options(), operationField) {
			if n, size := protowire.ConsumeVarint(raw); size > 0 && n == as && shape.IsSingular(f) {
				return shape.Path{f}
			}
		}
	}
	return nil
}

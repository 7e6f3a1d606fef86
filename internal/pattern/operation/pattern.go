// Package operation is the patterns of methods that start a long-running operation (AIP-151), and
// of methods that get, wait for, cancel or delete one.
package operation

import (
	"fmt"
	"reflect"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/batch"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// The names of the patterns.
const (
	Name       = "operation"
	GetterName = "operation_get"
	ActionName = "operation_action"
)

// Pattern returns the table row of methods that start an operation.
func Pattern() pattern.Pattern {
	p := row()
	p.Name, p.Detect, p.Works = Name, detect, true
	p.Parts = []string{"status", "response_type", "metadata_type", "conflict_key", "name", "error", "error_code", "result"}
	p.Inner = batch.Name
	p.Absent = absent
	p.Arguments, p.Stub = reflect.TypeFor[Arguments](), reflect.TypeFor[StubMethod]()
	return p
}

// GetterPattern returns the table row of methods that get an operation.
func GetterPattern() pattern.Pattern {
	p := row()
	p.Name, p.Detect = GetterName, detectGetter
	p.Arguments, p.Stub = reflect.TypeFor[GetterArguments](), reflect.TypeFor[GetterStubMethod]()
	return p
}

// ActionPattern returns the table row of methods that cancel, delete or wait for an operation.
func ActionPattern() pattern.Pattern {
	p := row()
	p.Name, p.Detect, p.Reads = ActionName, detectAction, readsAction
	p.Arguments, p.Stub = reflect.TypeFor[ActionArguments](), reflect.TypeFor[GetterStubMethod]()
	return p
}

// row returns the common part of the rows.
func row() pattern.Pattern {
	return pattern.Pattern{
		Option: "operation", Is: "an operation", What: "operation", Docs: "operations.md",
		Kinds: pattern.Unary, Reads: reads,
		Package: runtimePackage(),
		Needs:   pattern.Needs{Dependency: manager(), Request: true},
		Links:   links(),
	}
}

func runtimePackage() pattern.Package {
	return pattern.Package{
		Name: "operation", Path: "github.com/grpcservice/grpcservice/runtime/operation",
	}
}

// manager returns the dependency for the operation manager.
func manager() *pattern.Dependency {
	return &pattern.Dependency{
		Name: "operations", Package: runtimePackage(), Type: "Manager",
		New: "NewManager", Store: "Memory", Register: "Register",
		Doc:  "whose operations the manager stores and runs",
		TODO: "Use a durable store that all replicas share.",

		RequiresAuthentication: true,
	}
}

// absent returns what to do if options set limits of operations for a method that starts none.
func absent(found pattern.Result) string {
	if _, ok := found.Match(GetterName); ok {
		return "the method starts no operation, but gets one that there is; remove operation"
	}
	if match, ok := found.Match(ActionName); ok {
		return fmt.Sprintf("the method starts no operation, but %s one that there is; remove operation", actionDoes[match.Found.(*Action).Verb])
	}
	if seen, ok := found.Find(Name); ok {
		return fmt.Sprintf("the method does not start an operation (%s); remove operation", seen.Reason)
	}
	return "the method starts no operation: it does not return google.longrunning.Operation, or a message like it; remove operation"
}

// Operation describes a method that starts a long-running operation.
type Operation struct {
	// Result and Metadata are the messages of the result and of the progress; nil if unknown.
	Result, Metadata protoreflect.MessageDescriptor
	IdempotencyKey   shape.Path // in the request, or empty
	ValidateOnly     shape.Path // in the request, or empty: a bool
	ConflictKey      shape.Path // in the request, or empty; only a policy names it
	// FailedRequests reports whether the metadata has failed_requests: the errors of items by index
	// (AIP-233).
	FailedRequests bool
	// Children describes the items of the request if the operation is a batch; its Mode is Done. It
	// is nil otherwise.
	Children *batch.Batch
	// Message contains the fields of the message that the method returns.
	Message Message
}

// Getter is a method that takes the name of an operation and returns the operation.
type Getter struct {
	Name    shape.Path // in the request: a string
	Message Message
}

// Fields implements [pattern.Found].
func (o *Operation) Fields() map[string]any {
	fields := pattern.Fields(map[string]shape.Path{
		"idempotency_key": o.IdempotencyKey, "validate_only": o.ValidateOnly, "conflict_key": o.ConflictKey,
	})
	if o.Result != nil {
		fields["response_type"] = string(o.Result.FullName())
	}
	if o.Metadata != nil {
		fields["metadata_type"] = string(o.Metadata.FullName())
	}
	if o.Children != nil {
		fields["children"] = o.Children.Children.String()
	}
	if o.FailedRequests {
		fields["failed_requests"] = "failed_requests"
	}
	if status := o.Message.Status; status != nil {
		fields["status"], fields["done"] = status.Field.String(), status.Done
		if len(status.Failed) > 0 {
			fields["failed"] = status.Failed
		}
	}
	return fields
}

// Limits implements [pattern.Found].
func (o *Operation) Limits(has *policy.Patterns) {
	has.Add(Name)
	if o.Children != nil {
		o.Children.Limits(has)
	}
}

// Fields implements [pattern.Found].
func (g *Getter) Fields() map[string]any {
	return pattern.Fields(map[string]shape.Path{"name": g.Name})
}

// Limits implements [pattern.Found]. The limits of an operation belong to the method that starts
// it.
func (g *Getter) Limits(*policy.Patterns) {}

// Describes implements [pattern.Describer].
func (g *Getter) Describes(option string) bool { return g.Message.describedBy(option) }

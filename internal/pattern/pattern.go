// Package pattern finds what an RPC does from the shape of its messages: whether it pages a list, works on many things at
// once, starts an operation that goes on after the call, or knows a call that is made again. What a policy says goes before
// what is found. Every finding has a reason, which stands in the report and above the helper that is generated.
package pattern

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Level says how sure a finding is. The zero Level is that of nothing found.
type Level int

const (
	// Possible is only reported, with the option that would make a helper of it.
	Possible Level = iota + 1
	// Likely gets a helper and a warning.
	Likely
	// Certain gets a helper.
	Certain
	// Declared gets a helper because a policy names its fields.
	Declared
)

// String returns the level as reports and comments spell it.
func (l Level) String() string {
	names := []string{"none", "possible", "likely", "certain", "declared"}
	if l < 0 || int(l) >= len(names) {
		return "unknown"
	}
	return names[l]
}

// The patterns, as findings spell them.
const (
	PatternPage         = "page"
	PatternBatch        = "batch"
	PatternOperation    = "operation"
	PatternOperationGet = "operation_get"
	PatternRequestID    = "idempotency_key"
)

// Path is a field of a message, or of a message in it: each field but the last is a singular message, which has the next one.
// An empty path is no field.
type Path []protoreflect.FieldDescriptor

// String returns the path as policies spell it: names of the proto, with dots between.
func (p Path) String() string {
	names := make([]string, len(p))
	for i, field := range p {
		names[i] = string(field.Name())
	}
	return strings.Join(names, ".")
}

// Field returns the field that the path ends with, or nil.
func (p Path) Field() protoreflect.FieldDescriptor {
	if len(p) == 0 {
		return nil
	}
	return p[len(p)-1]
}

// Finding is a pattern that a method has, or may have.
type Finding struct {
	// Pattern is "page", "batch", "operation", "operation_get" or "request_id".
	Pattern string
	Level   Level
	// Reason says why, without a capital at its beginning and a full stop at its end: "items: users, the only repeated field".
	Reason string
	// Advice is the option that makes sure of a finding below Certain, as in `page: {items: "users"}`. It is empty where no
	// option can.
	Advice string
}

// Page is the fields that page a list. Token and NextToken are empty in a list that is paged by Skip as its offset.
type Page struct {
	Items     Path // in the response: a repeated field or a map
	Size      Path // in the request, or empty
	Token     Path // in the request: string or bytes
	NextToken Path // in the response: of the type of Token
	Total     Path // in the response, or empty
	Skip      Path // in the request, or empty
	RequestID Path // in the request, or empty
	// Vary are the paths of fields of the request that may differ between pages.
	Vary []string
	// Map says that Items is a map.
	Map bool
}

// Mode says how the results of a batch belong to its children.
type Mode int

const (
	// Ordered has the result of each child at its index, or fails as a whole.
	Ordered Mode = iota
	// Keyed has a map by child, from which what is not found is missing.
	Keyed
	// PerItem has a result or an error for each child, at its index.
	PerItem
	// Done has no results; it succeeds or fails as a whole.
	Done
)

// String returns the mode as reports spell it.
func (m Mode) String() string {
	names := []string{"ordered", "keyed", "per_item", "done"}
	if m < 0 || int(m) >= len(names) {
		return "unknown"
	}
	return names[m]
}

// Batch is the fields of a method that works on many things at once.
type Batch struct {
	Mode     Mode
	Children Path // in the request: ids, or a message each
	Results  Path // in the response; empty in mode Done
	Missing  Path // in the response, in mode Keyed, or empty: the children without a result
	Status   Path // in the message of a result, in mode PerItem
	Value    Path // in the message of a result, in mode PerItem
	// Hoisted are fields of the request that each child has too, by the same name and type.
	Hoisted []string
	// Single is the method of the same service that does it for one child, or nil.
	Single    protoreflect.MethodDescriptor
	RequestID Path // in the request, or empty
}

// Operation is what a method that starts a long-running operation says of it.
type Operation struct {
	// Result and Metadata are the messages that it ends with and tells its progress by; nil where they are not known.
	Result, Metadata protoreflect.MessageDescriptor
	RequestID        Path // in the request, or empty
	ValidateOnly     Path // in the request, or empty: a bool
	ConflictKey      Path // in the request, or empty: only a policy names it
	// FailedRequests says that the metadata has failed_requests: the errors of children by their index (AIP-233).
	FailedRequests bool
	// Children says what the request's children are where the operation is a batch; its Mode is Done. It is nil otherwise.
	Children *Batch
	// Fields are the fields of the message that the method returns.
	Fields OperationFields
}

// OperationFields are the fields of an operation's message: those of google.longrunning.Operation, or of one of that shape.
type OperationFields struct {
	Name     Path // string
	Done     Path // bool
	Error    Path // google.rpc.Status, or a message that is encoded like it
	Response Path // google.protobuf.Any, or the message of the result itself
	Metadata Path // google.protobuf.Any, or the message of the metadata itself; may be empty
}

// Getter is a method that takes the name of an operation and returns the operation.
type Getter struct {
	Name   Path // in the request: a string
	Fields OperationFields
}

// RequestID is the field by which a call that is made again is recognised.
type RequestID struct {
	Field    Path // in the request itself: a string
	UUID4    bool // by its google.api.field_info
	Required bool // by its google.api.field_behavior
}

// Result is all that was found of a method. At most one of Page, Batch, Operation and Getter is there; a batch that returns an
// operation is an Operation with Children. RequestID goes with any of them.
type Result struct {
	Page      *Page
	Batch     *Batch
	Operation *Operation
	Getter    *Getter
	RequestID *RequestID
	// Findings has one for each pattern that is there, and for those that are Possible.
	Findings []Finding
	// Problems are what is wrong with the fields that the policy names. What it names wrongly counts as not named.
	Problems []policy.Fault
}

// Find returns the finding of a pattern.
func (r Result) Find(pattern string) (Finding, bool) {
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Pattern == pattern })
	if i < 0 {
		return Finding{}, false
	}
	return r.Findings[i], true
}

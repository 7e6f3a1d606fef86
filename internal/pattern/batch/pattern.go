// Package batch is the pattern of a method that processes many items in one call (AIP-231 to
// AIP-235).
package batch

import (
	"reflect"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Name is the name of the pattern.
const Name = "batch"

// Pattern returns the table row of the pattern.
func Pattern() pattern.Pattern {
	return pattern.Pattern{
		Name: Name, Option: "batch", Is: "a batch", What: "batch", Docs: "batches.md",
		Kinds: pattern.Unary, Detect: detect, Reads: reads,
		Parts:     []string{"children", "results", "missing"},
		Shown:     "batch.children and batch.results",
		Package:   pattern.Package{Name: "batch", Path: "github.com/grpcservice/grpcservice/runtime/batch"},
		Needs:     pattern.Needs{Request: true},
		Arguments: reflect.TypeFor[Arguments](), Stub: reflect.TypeFor[StubMethod](),
	}
}

// reads is a necessary condition of chooseChildren: chooseRequests requires a list of the requests of
// another method, and the other choices a method that is named like a batch.
func reads(o pattern.Outline) pattern.Reads {
	if o.ListsRequests || shape.MayBeBatchName(o.Method) {
		return pattern.ReadsBoth
	}
	return pattern.ReadsNothing
}

// Mode is how the results of a batch correspond to its items.
type Mode int

const (
	// Ordered means that the result of each item is at the item's index; the batch succeeds or
	// fails as a whole.
	Ordered Mode = iota
	// Keyed means that the results are a map keyed by item, without the items that were not found.
	Keyed
	// PerItem means that each item has a result or an error, at the item's index.
	PerItem
	// Done means that there are no results; the batch succeeds or fails as a whole.
	Done
)

// String returns the mode as the report spells it.
func (m Mode) String() string {
	names := []string{"ordered", "keyed", "per_item", "done"}
	if m < 0 || int(m) >= len(names) {
		return "unknown"
	}
	return names[m]
}

// Batch contains the fields of a method that processes many items in one call.
type Batch struct {
	Mode     Mode
	Children shape.Path // in the request: IDs, or one message per item
	Results  shape.Path // in the response; empty in mode Done
	Missing  shape.Path // in the response, in mode Keyed, or empty: the items without a result
	Status   shape.Path // in the message of a result, in mode PerItem
	Value    shape.Path // in the message of a result, in mode PerItem
	// Hoisted are the fields of the request that each item has too, with the same name and type.
	Hoisted []string
	// Single is the method of the same service that does it for one item, or nil.
	Single         protoreflect.MethodDescriptor
	IdempotencyKey shape.Path // in the request, or empty
}

// Fields implements [pattern.Found].
func (b *Batch) Fields() map[string]any {
	fields := pattern.Fields(map[string]shape.Path{
		"children": b.Children, "results": b.Results, "missing": b.Missing, "status": b.Status, "value": b.Value,
		"idempotency_key": b.IdempotencyKey,
	})
	if len(b.Hoisted) > 0 {
		fields["hoisted"] = b.Hoisted
	}
	fields["mode"] = b.Mode.String()
	if b.Single != nil {
		fields["single"] = string(b.Single.Name())
	}
	return fields
}

// Limits implements [pattern.Found].
func (b *Batch) Limits(has *policy.Patterns) { has.Add(Name) }

// Package batch is the pattern of a method that works on many things at once (AIP-231 to AIP-235).
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

// Pattern returns the row of the pattern.
func Pattern() pattern.Pattern {
	return pattern.Pattern{
		Name: Name, Option: "batch", Is: "a batch", What: "batch", Docs: "batches.md",
		Kinds: pattern.Unary, Detect: detect,
		Parts:     []string{"children", "results", "missing"},
		Shown:     "batch.children and batch.results",
		Package:   pattern.Package{Name: "batch", Path: "github.com/grpcservice/grpcservice/runtime/batch"},
		Needs:     pattern.Needs{Request: true},
		Arguments: reflect.TypeFor[Arguments](), Stub: reflect.TypeFor[StubMethod](),
	}
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
	Children shape.Path // in the request: ids, or a message each
	Results  shape.Path // in the response; empty in mode Done
	Missing  shape.Path // in the response, in mode Keyed, or empty: the children without a result
	Status   shape.Path // in the message of a result, in mode PerItem
	Value    shape.Path // in the message of a result, in mode PerItem
	// Hoisted are fields of the request that each child has too, by the same name and type.
	Hoisted []string
	// Single is the method of the same service that does it for one child, or nil.
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

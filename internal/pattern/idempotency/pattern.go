// Package idempotency is the pattern of a method whose request has an idempotency key (AIP-155), by
// which the server recognizes a retried call. It combines with any other pattern.
package idempotency

import (
	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Name is the name of the pattern.
const Name = "idempotency_key"

// Pattern returns the table row of the pattern.
func Pattern() pattern.Pattern {
	return pattern.Pattern{
		Name: Name, Option: "idempotency_key", What: "idempotency key", Docs: "idempotency.md",
		Kinds: pattern.Unary, Beside: true, Detect: detect, Reads: reads,
		Parts: []string{"field"},
		Shown: "idempotency_key.field",
		Absent: func(pattern.Result) string {
			return "the method has no idempotency key: it only reads, or no string of its request outside of a oneof has such a name; " +
				"name the field (idempotency_key.field), or remove idempotency_key"
		},
	}
}

// Key is the field by which the server recognizes a retried call.
type Key struct {
	Field    shape.Path // a top-level string of the request
	UUID4    bool       // according to its google.api.field_info
	Required bool       // according to its google.api.field_behavior
}

// Fields implements [pattern.Found].
func (k *Key) Fields() map[string]any { return pattern.Fields(map[string]shape.Path{"field": k.Field}) }

// Limits implements [pattern.Found].
func (k *Key) Limits(has *policy.Patterns) {
	has.AddIdempotencyKey(policy.IdempotencyKey{
		Field: k.Field.String(), UUID4: k.UUID4, Required: k.Required,
	})
}

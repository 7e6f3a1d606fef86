package policy

import (
	"github.com/grpcservice/grpcservice/internal/diag"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// toolProblems returns what contradicts the idempotency_level of a method that is a tool.
func toolProblems(facts policy.Method, merged *grpcservicev1.Policy, sources []source) (problems diag.List) {
	const field = "tool.destructive"
	if merged.GetTool().GetDestructive() && facts.Idempotency == policy.NoSideEffects {
		lastToSet(sources, field).report(&problems, policy.Fault{Field: field,
			Text: "the method has no side effects by its idempotency_level; remove one of them"})
	}
	return problems
}

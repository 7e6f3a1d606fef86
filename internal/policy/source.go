package policy

import (
	"github.com/grpcservice/grpcservice/internal/diag"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// source is one place that sets rules for a method.
type source struct {
	kind     string // its name in the report
	pattern  string // the method pattern of a rule in a policy file; or ""
	policy   *grpcservicev1.Policy
	wide     bool // whether it applies to many methods
	isSilent bool // whether it sets nothing
	place    func(field string) diag.Position
}

// report reports a fault at the position where the source sets the field.
func (s source) report(problems *diag.List, fault policy.Fault) {
	text := fault.Text
	if fault.Field != "" {
		text = fault.Error()
	}
	problems.Errorf(s.place(fault.Field), "policy: %s", text)
}

func layersOf(sources []source) []policy.Layer {
	layers := make([]policy.Layer, len(sources))
	for i, s := range sources {
		layers[i] = policy.Layer{Policy: s.policy, Wide: s.wide}
	}
	return layers
}

// lastToSet returns the last source that sets a field, which overrides all others. If none sets it,
// lastToSet returns the first source.
func lastToSet(sources []source, field string) source {
	for i := len(sources) - 1; i > 0; i-- {
		if policy.Sets(sources[i].policy, field) {
			return sources[i]
		}
	}
	return sources[0]
}

// SourceDefault is the source of a rule that is not set anywhere.
const SourceDefault = "default"

// Rule is one field of a policy, with its value and where the value comes from.
type Rule struct {
	Field string // such as "timeout.default"
	// Value is in its JSON form. It is nil if only the server or the client knows the default.
	Value any
	// Source is "method option", "service option", "policy file", "request message", SourceDefault
	// or the name of a standard option.
	Source  string
	Place   string // where it is set; or ""
	Pattern string // the method pattern of a rule in a policy file; or ""
	Why     string // why it has no effect; or ""
}

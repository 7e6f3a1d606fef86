package policy

import (
	"github.com/grpcservice/grpcservice/internal/diag"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// source is one place that says something of a method.
type source struct {
	kind    string // what the report calls it
	pattern string // of a rule in a policy file
	policy  *grpcservicev1.Policy
	wide    bool // whether it speaks of many methods
	place   func(field string) diag.Position
}

// report reports a fault of the source where the source sets the field.
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

// lastToSet returns the last source that sets a field, which overrides all others.
func lastToSet(sources []source, field string) source {
	for i := len(sources) - 1; i > 0; i-- {
		if policy.Sets(sources[i].policy, field) {
			return sources[i]
		}
	}
	return sources[0]
}

package model

import (
	"reflect"

	"github.com/grpcservice/grpcservice/internal/policy"
	rules "github.com/grpcservice/grpcservice/runtime/policy"
)

// Policy is what the proto and a policy file set for an RPC, and why. Generated code omits zero
// fields.
type Policy struct {
	rules.Policy
	Rules    []policy.Rule
	Unused   []policy.Rule
	Patterns []policy.Pattern
}

func newPolicy(d policy.Decision) Policy {
	return Policy{Policy: d.Policy, Rules: d.Rules, Unused: d.Unused, Patterns: d.Patterns}
}

// PolicyField is a field of a policy in generated code.
type PolicyField struct {
	Name  string
	Value any
}

// Fields returns the nonzero fields, which are the ones in generated code.
func (p Policy) Fields() (fields []PolicyField) {
	v := reflect.ValueOf(p.Policy)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			fields = append(fields, PolicyField{v.Type().Field(i).Name, v.Field(i).Interface()})
		}
	}
	return fields
}

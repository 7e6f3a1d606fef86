package model

import (
	"reflect"

	"github.com/grpcservice/grpcservice/internal/policy"
	rules "github.com/grpcservice/grpcservice/runtime/policy"
)

// Policy is what the proto and a policy file say of an RPC beyond its types, and why. A field that is zero is not written.
type Policy struct {
	rules.Policy
	Rules    []policy.Rule
	Unused   []policy.Rule
	Patterns []policy.Pattern
}

func newPolicy(d policy.Decision) Policy {
	return Policy{Policy: d.Policy, Rules: d.Rules, Unused: d.Unused, Patterns: d.Patterns}
}

// PolicyField is a field of a policy that is written.
type PolicyField struct {
	Name  string
	Value any
}

// Fields returns the fields that are written: those that are not zero.
func (p Policy) Fields() (fields []PolicyField) {
	v := reflect.ValueOf(p.Policy)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			fields = append(fields, PolicyField{v.Type().Field(i).Name, v.Field(i).Interface()})
		}
	}
	return fields
}

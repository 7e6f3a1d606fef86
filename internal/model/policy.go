package model

import (
	"reflect"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/pattern"
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

// buildPolicy models the policy of one RPC, and returns the patterns that it has.
func (b *builder) buildPolicy(m *protogen.Method) (Policy, pattern.Result) {
	decision, problems := b.policies.Method(m.Desc)
	b.problems.AddOf(atRPC(m).Subject, problems)
	p := Policy{Policy: decision.Policy, Rules: decision.Rules, Unused: decision.Unused, Patterns: decision.Patterns}
	return p, decision.Found
}

// checkPolicyFile reports what is wrong with the policy file, whatever the RPCs it is for.
func (b *builder) checkPolicyFile(plugin *protogen.Plugin, file *policy.File) {
	b.problems.Add(file.Problems()...)
	b.problems.Add(b.policies.Unmatched(plugin.Files)...)
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

// IsShort reports whether there is one field or none, which goes on one line.
func (p Policy) IsShort() bool {
	return len(p.Fields()) < 2 && p.Operation == (rules.Operation{})
}

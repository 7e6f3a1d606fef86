package policy

import (
	"slices"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Default is an unset option.
type Default struct {
	// Field is its path in the options: "retry.max_attempts".
	Field string
	// Value is the default that completes a rule, in JSON's types. It is nil if the server or the
	// client has the default, or if the method has no such rule.
	Value any
}

// Defaults returns the options that merged leaves unset; p is the policy that [Method.Policy]
// made from it.
func (m Method) Defaults(p Policy, merged *grpcservicev1.Policy) (defaults []Default) {
	add := func(field string, value any) {
		if !Sets(merged, field) {
			defaults = append(defaults, Default{field, value})
		}
	}
	for _, r := range rules {
		if r.isOptional {
			add(r.name, nil)
		}
		wrong, _ := r.forCalls(m)
		held := r.holds == nil || r.holds(m, merged)
		for _, o := range r.options {
			switch {
			case o.elsewhere && !slices.Contains(wrong, o.name):
				add(r.path(o.name), nil)
			case o.hasDefault && held:
				add(r.path(o.name), o.value(&p))
			}
		}
	}
	return defaults
}

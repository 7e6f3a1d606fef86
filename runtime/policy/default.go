package policy

import (
	"slices"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Default is an option that nobody set.
type Default struct {
	// Field is its path in the options: "retry.max_attempts".
	Field string
	// Value is what it completes a rule with, as JSON has it. It is nil where the server or the
	// client has a default, and where the method does without the rule.
	Value any
}

// Defaults returns the options that merged, of which p was made by [Method.Policy], leaves unset.
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

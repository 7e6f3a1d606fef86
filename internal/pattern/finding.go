package pattern

import (
	"slices"

	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Level is the certainty of a finding. The zero Level means that nothing was found.
type Level int

const (
	// Possible findings are only reported, with the option that declares the pattern.
	Possible Level = iota + 1
	// Likely findings produce a helper and a warning.
	Likely
	// Certain findings produce a helper.
	Certain
	// Declared findings produce a helper because a policy names their fields.
	Declared
)

// String returns the level as reports and comments spell it.
func (l Level) String() string {
	names := []string{"none", "possible", "likely", "certain", "declared"}
	if l < 0 || int(l) >= len(names) {
		return "unknown"
	}
	return names[l]
}

// Finding is a pattern that a method has, or may have.
type Finding struct {
	Pattern string
	Level   Level
	// Reason explains the finding, without an initial capital or a final period: "items: users, the
	// only repeated field".
	Reason string
	// Advice is the option that makes a finding below Certain declared, as in `page: {items:
	// "users"}`. It is empty if no option can.
	Advice string
}

// Result contains all findings in a method. At most one of its patterns is not Beside.
type Result struct {
	// Matches are the patterns that the method has.
	Matches []Match
	// Findings has an entry for each pattern that the method has, and for each Possible one.
	Findings []Finding
	// Problems are errors in the fields that the policy names. A field that is named incorrectly
	// counts as not named.
	Problems []policy.Fault
	// Limits are errors in limits, which options that apply to many methods may set.
	Limits []policy.Fault
}

// Find returns the finding for a pattern.
func (r Result) Find(pattern string) (Finding, bool) {
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Pattern == pattern })
	if i < 0 {
		return Finding{}, false
	}
	return r.Findings[i], true
}

// Match returns the match for a pattern, by name.
func (r Result) Match(pattern string) (Match, bool) {
	i := slices.IndexFunc(r.Matches, func(m Match) bool { return m.Pattern.Name == pattern })
	if i < 0 {
		return Match{}, false
	}
	return r.Matches[i], true
}

// Fields returns the paths that are not empty, in the form that [Found] reports.
func Fields(paths map[string]shape.Path) map[string]any {
	fields := make(map[string]any)
	for name, path := range paths {
		if len(path) > 0 {
			fields[name] = path.String()
		}
	}
	return fields
}

// Describer is a [Found] without limits whose messages options may describe.
type Describer interface {
	// Describes reports whether an option, such as "operation.status", describes the messages.
	Describes(option string) bool
}

// Describes reports whether an option describes the messages of a pattern that the method has,
// although the pattern has no limits.
func (r Result) Describes(option string) bool {
	return slices.ContainsFunc(r.Matches, func(m Match) bool {
		d, ok := m.Found.(Describer)
		return ok && d.Describes(option)
	})
}

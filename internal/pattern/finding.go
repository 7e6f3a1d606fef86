package pattern

import (
	"slices"

	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Level says how sure a finding is. The zero Level is that of nothing found.
type Level int

const (
	// Possible is only reported, with the option that would make a helper of it.
	Possible Level = iota + 1
	// Likely gets a helper and a warning.
	Likely
	// Certain gets a helper.
	Certain
	// Declared gets a helper because a policy names its fields.
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
	// Pattern is the name of the pattern.
	Pattern string
	Level   Level
	// Reason says why, without a capital at its start and a full stop at its end: "items: users, the only repeated field".
	Reason string
	// Advice is the option that makes sure of a finding below Certain, as in `page: {items: "users"}`. It is empty where no
	// option can.
	Advice string
}

// Result is everything that was found in a method. At most one of its patterns is not Beside.
type Result struct {
	// Matches are the patterns that the method has.
	Matches []Match
	// Findings has one for each pattern that the method has, and for those that are Possible.
	Findings []Finding
	// Problems are what is wrong with the fields that the policy names. What it names wrongly counts as not named.
	Problems []policy.Fault
	// Limits are what is wrong with limits, which options that are for many methods may set.
	Limits []policy.Fault
}

// Find returns the finding of a pattern.
func (r Result) Find(pattern string) (Finding, bool) {
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Pattern == pattern })
	if i < 0 {
		return Finding{}, false
	}
	return r.Findings[i], true
}

// Match returns the pattern of a name that the method has.
func (r Result) Match(pattern string) (Match, bool) {
	i := slices.IndexFunc(r.Matches, func(m Match) bool { return m.Pattern.Name == pattern })
	if i < 0 {
		return Match{}, false
	}
	return r.Matches[i], true
}

// Fields returns the paths that are not empty, as [Found] reports them.
func Fields(paths map[string]shape.Path) map[string]any {
	fields := make(map[string]any)
	for name, path := range paths {
		if len(path) > 0 {
			fields[name] = path.String()
		}
	}
	return fields
}

package policy

import (
	"github.com/grpcservice/grpcservice/internal/pattern"
)

// Pattern is a pattern that a method has or may have, in the form of the report.
type Pattern struct {
	Name    string
	Level   string
	Reason  string
	Fields  map[string]any // the fields it was found in, keyed by their names in the options
	Emitted bool           // whether code is generated for it
	Advice  string         // the option that confirms it; or ""
}

// foundOf converts the findings for a method to the form of the report.
func foundOf(found pattern.Result) (patterns []Pattern) {
	for _, f := range found.Findings {
		p := Pattern{Name: f.Pattern, Level: f.Level.String(), Reason: f.Reason, Advice: f.Advice}
		if match, ok := found.Match(f.Pattern); ok {
			p.Fields, p.Emitted = match.Found.Fields(), true
		}
		patterns = append(patterns, p)
	}
	return patterns
}

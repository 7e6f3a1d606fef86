package policy

import (
	"github.com/grpcservice/grpcservice/internal/pattern"
)

// Pattern is a pattern that a method has, or may have, as the report says it.
type Pattern struct {
	Name    string
	Level   string
	Reason  string
	Fields  map[string]any // the fields that it was found in, by the names that options have for them
	Emitted bool           // whether there is code for it
	Advice  string         // the option that makes sure of it, or ""
}

// foundOf returns what was found in a method.
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

package pattern

import (
	"fmt"
	"strings"

	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// AsSaid is the reason for a part that the policy names.
const AsSaid = "as its policy says"

// Evidence collects the basis of a finding.
type Evidence struct {
	weakest  Level    // of the parts that were found; 0 if all were named
	ByPolicy []string // the parts that the policy names
	Reasons  []string
	Advice   []string // the options that would name the remaining parts
}

// Found records a part that was found.
func (e *Evidence) Found(level Level, reason string) {
	if e.weakest == 0 || level < e.weakest {
		e.weakest = level
	}
	if reason != "" {
		e.Reasons = append(e.Reasons, reason)
	}
}

// Advise adds the option that names a part, if there is one.
func (e *Evidence) Advise(name string, path shape.Path) {
	if len(path) == 0 {
		return
	}
	e.Advice = append(e.Advice, fmt.Sprintf("%s: %q", name, path))
}

// Level returns the level of the finding: that of its weakest part, or Declared if the policy names
// every part that is not certain.
func (e *Evidence) Level() Level {
	if len(e.ByPolicy) > 0 && (e.weakest == 0 || e.weakest >= Certain) {
		return Declared
	}
	return e.weakest
}

func (e *Evidence) finding(pattern string) Finding {
	f := Finding{Pattern: pattern, Level: e.Level(), Reason: strings.Join(e.Reasons, "; ")}
	if f.Level < Certain && len(e.Advice) > 0 {
		f.Advice = Option(pattern, e.Advice...)
	}
	return f
}

// Option formats an option of Policy.
func Option(pattern string, fields ...string) string {
	return fmt.Sprintf("%s: {%s}", pattern, strings.Join(fields, ", "))
}

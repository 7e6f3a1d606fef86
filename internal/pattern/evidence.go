package pattern

import (
	"fmt"
	"strings"
)

const asSaid = "as its policy says"

// evidence is what a finding is made of.
type evidence struct {
	weakest  Level    // of the parts that were found; 0 where all were named
	byPolicy []string // the parts that the policy names
	reasons  []string
	advice   []string // the parts that want to be named, as options
}

// found adds a part that was found.
func (e *evidence) found(level Level, reason string) {
	if e.weakest == 0 || level < e.weakest {
		e.weakest = level
	}
	if reason != "" {
		e.reasons = append(e.reasons, reason)
	}
}

// advise adds the option by which a part is named, if it is there.
func (e *evidence) advise(name string, path Path) {
	if len(path) == 0 {
		return
	}
	e.advice = append(e.advice, fmt.Sprintf("%s: %q", name, path))
}

// level returns the level of the whole: that of its weakest part, or Declared where all that is not certain is named.
func (e *evidence) level() Level {
	if len(e.byPolicy) > 0 && (e.weakest == 0 || e.weakest >= Certain) {
		return Declared
	}
	return e.weakest
}

func (e *evidence) finding(pattern string) Finding {
	f := Finding{Pattern: pattern, Level: e.level(), Reason: strings.Join(e.reasons, "; ")}
	if f.Level < Certain && len(e.advice) > 0 {
		f.Advice = option(pattern, e.advice...)
	}
	return f
}

// option spells an option of ours.
func option(pattern string, fields ...string) string {
	return fmt.Sprintf("%s: {%s}", pattern, strings.Join(fields, ", "))
}

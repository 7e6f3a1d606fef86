// Package judge compares the histories of clients with what the database has in the end, in the
// style of Jepsen's checkers of sets and registers.
//
// It trusts neither the stores nor the service: it takes rows of tables that triggers and effects
// have written, and what clients have seen.
package judge

import (
	"fmt"
	"strings"
)

// Rule is what a violation breaks.
type Rule string

// Violation is a contradiction between lines of a history, or between a line and the database.
type Violation struct {
	Rule Rule
	Text string
	// Lines are the lines of the history that contradict; none if the database contradicts itself.
	Lines []int
}

// String returns the violation with its lines.
func (v Violation) String() string {
	if len(v.Lines) == 0 {
		return fmt.Sprintf("%s: %s", v.Rule, v.Text)
	}
	return fmt.Sprintf("%s: %s (history, %s)", v.Rule, v.Text, lines(v.Lines))
}

func lines(numbers []int) string {
	text := strings.Trim(fmt.Sprint(numbers), "[]")
	if len(numbers) == 1 {
		return "line " + text
	}
	return "lines " + strings.ReplaceAll(text, " ", ", ")
}

// verdict collects violations.
type verdict []Violation

// add adds a violation.
func (v *verdict) add(rule Rule, lines []int, format string, args ...any) {
	*v = append(*v, Violation{Rule: rule, Text: fmt.Sprintf(format, args...), Lines: lines})
}

// at returns lines for [verdict.add].
func at(lines ...int) []int { return lines }

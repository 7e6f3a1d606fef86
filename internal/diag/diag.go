// Package diag reports problems in the input of the generator: their position, text and severity.
// Every stage returns a [List]; only the plugin decides what becomes of warnings and renders the
// list.
package diag

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Position is a position in one of the user's files: a proto, a policy file, a template or Go code.
type Position struct {
	Path         string // "" for a problem outside any file, such as in a parameter
	Line, Column int    // 1-based; both 0 if only the file is known
	Subject      string // what is declared there, such as "rpc Library.ListBooks"; or ""
}

// At returns the position of the file at path, without a line.
func At(path string) Position { return Position{Path: path} }

// String returns the position in the form of compiler messages, without the subject.
func (p Position) String() string {
	if p.Line == 0 {
		return p.Path
	}
	return fmt.Sprintf("%s:%d:%d", p.Path, p.Line, p.Column)
}

// Of returns the position with its subject set.
func (p Position) Of(subject string) Position {
	p.Subject = subject
	return p
}

// Compare orders positions by path, then line, then column.
func (p Position) Compare(q Position) int {
	return cmp.Or(strings.Compare(p.Path, q.Path), cmp.Compare(p.Line, q.Line),
		cmp.Compare(p.Column, q.Column))
}

// Severity is how bad a problem is.
type Severity int

// The severities.
const (
	Error   Severity = iota // nothing is generated
	Warning                 // generation continues, except in strict mode
	Advice                  // stays a warning in strict mode; about code that is written only once
)

// Problem is an error, a warning or a piece of advice.
type Problem struct {
	Position
	Severity Severity
	Text     string // what is wrong, with the value; then, after a semicolon, what to do
}

// Error implements error. It returns the position, the subject and the text, omitting empty parts.
func (p Problem) Error() string {
	parts := []string{p.Position.String(), p.Subject, p.Text}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ": ")
}

// List holds the problems that a stage found, in the order it found them.
type List []Problem

// Add appends problems.
func (l *List) Add(problems ...Problem) { *l = append(*l, problems...) }

// AddOf appends problems and sets their subject.
func (l *List) AddOf(subject string, problems List) {
	for _, p := range problems {
		p.Subject = subject
		l.Add(p)
	}
}

// Errorf adds an error.
func (l *List) Errorf(at Position, format string, args ...any) {
	*l = append(*l, Problem{Position: at, Text: fmt.Sprintf(format, args...)})
}

// Warnf adds a warning.
func (l *List) Warnf(at Position, format string, args ...any) {
	*l = append(*l, Problem{Position: at, Severity: Warning, Text: fmt.Sprintf(format, args...)})
}

// Advisef adds advice.
func (l *List) Advisef(at Position, format string, args ...any) {
	*l = append(*l, Problem{Position: at, Severity: Advice, Text: fmt.Sprintf(format, args...)})
}

// Fail adds err to the list; it does nothing if err is nil. A [Problem] is added unchanged; any
// other error becomes the text of a new one.
func (l *List) Fail(err error) {
	var p Problem
	switch {
	case err == nil:
	case errors.As(err, &p) && p.Error() == err.Error():
		*l = append(*l, p)
	default:
		*l = append(*l, Problem{Text: err.Error()})
	}
}

// Sorted returns the problems ordered by position, without duplicates. Problems at the same
// position keep their order.
func (l List) Sorted() List {
	sorted := make(List, 0, len(l))
	for _, p := range l {
		if !slices.Contains(sorted, p) {
			sorted = append(sorted, p)
		}
	}
	slices.SortStableFunc(sorted, func(p, q Problem) int { return p.Compare(q.Position) })
	return sorted
}

// Canonical is like [List.Sorted], but orders problems at the same position by text. The result
// does not depend on the order in which the problems were found.
func (l List) Canonical() List {
	byText := slices.Clone(l)
	slices.SortStableFunc(byText, func(p, q Problem) int { return strings.Compare(p.Error(), q.Error()) })
	return byText.Sorted()
}

// Strict returns the problems with every warning turned into an error. Advice is unchanged: as an
// error it would keep the code from being written, and the next run would report it again.
func (l List) Strict() List {
	strict := slices.Clone(l)
	for i := range strict {
		if strict[i].Severity == Warning {
			strict[i].Severity = Error
		}
	}
	return strict
}

// Warnings returns the warnings and the advice.
func (l List) Warnings() List { return l.only(Warning, Advice) }

// Err joins the errors, or returns nil if there are none.
func (l List) Err() error {
	var errs []error
	for _, p := range l.only(Error) {
		errs = append(errs, p)
	}
	return errors.Join(errs...)
}

func (l List) only(severities ...Severity) List {
	return slices.DeleteFunc(slices.Clone(l), func(p Problem) bool {
		return !slices.Contains(severities, p.Severity)
	})
}

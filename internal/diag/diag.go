// Package diag is how the generator reports what is wrong with its input: where, what, and how bad
// it is. Every stage returns a [List]; the plugin alone decides what becomes of warnings, and
// renders the list.
package diag

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Position is a position in a file of the user: a proto, a policy file, a template or Go code.
type Position struct {
	Path         string // "" for a problem of no file, such as one of the parameters
	Line, Column int    // from 1; both 0 where only the file is known
	Subject      string // what stands there, "rpc Library.ListBooks" or "service Library"; or ""
}

// At returns the position of a file as a whole.
func At(path string) Position { return Position{Path: path} }

// String returns the position as compilers print it, without the subject.
func (p Position) String() string {
	if p.Line == 0 {
		return p.Path
	}
	return fmt.Sprintf("%s:%d:%d", p.Path, p.Line, p.Column)
}

// Of returns the position as that of a subject.
func (p Position) Of(subject string) Position {
	p.Subject = subject
	return p
}

// Compare orders positions by path, line and column.
func (p Position) Compare(q Position) int {
	return cmp.Or(strings.Compare(p.Path, q.Path), cmp.Compare(p.Line, q.Line),
		cmp.Compare(p.Column, q.Column))
}

// Severity is how bad a problem is.
type Severity int

// The severities.
const (
	Error   Severity = iota // nothing is generated
	Warning                 // generation goes on, except in strict mode
	Advice                  // a warning in strict mode too: about code that is written once
)

// Problem is one thing that is wrong, or that deserves a warning.
type Problem struct {
	Position
	Severity Severity
	Text     string // what is wrong, with the value; then, after a semicolon, what to do
}

// Error implements error. It returns the position, the subject and the text, as far as there are any.
func (p Problem) Error() string {
	parts := []string{p.Position.String(), p.Subject, p.Text}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ": ")
}

// List is the problems that a stage has found, in the order in which it found them.
type List []Problem

// Add adds problems.
func (l *List) Add(problems ...Problem) { *l = append(*l, problems...) }

// AddOf adds problems as those of a subject.
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

// Fail adds an error of another type, unless it is nil. A [Problem] stays the problem that it is.
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

// Sorted returns the problems in the order of their positions, each once. Those at one position keep
// their order.
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

// Canonical is [List.Sorted], with the problems at one position in the order of their texts: an
// order that does not depend on the one in which the problems were found.
func (l List) Canonical() List {
	byText := slices.Clone(l)
	slices.SortStableFunc(byText, func(p, q Problem) int { return strings.Compare(p.Error(), q.Error()) })
	return byText.Sorted()
}

// Strict returns the problems with every warning made an error. Advice stays: as an error it would
// keep the code from being written, and the next run would report it again.
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

// Err joins the errors, or returns nil where there are none.
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

package model

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Problem is something in a proto file that is wrong, or that deserves a warning.
type Problem struct {
	Place   Place
	Subject string // "rpc Library.ListBooks", "service Library", or nothing for the file
	Text    string // what is wrong; what to do
}

// Error implements error.
func (p Problem) Error() string {
	if p.Subject == "" {
		return p.Place.String() + ": " + p.Text
	}
	return p.Place.String() + ": " + p.Subject + ": " + p.Text
}

// Place is a place in a proto file. Line and Column count from 1; both are 0 where the request does not say.
type Place struct {
	Path         string
	Line, Column int
}

// String returns the place as compilers spell it.
func (p Place) String() string {
	if p.Line == 0 {
		return p.Path
	}
	return fmt.Sprintf("%s:%d:%d", p.Path, p.Line, p.Column)
}

// compare orders places by file, line and column.
func (p Place) compare(q Place) int {
	return cmp.Or(strings.Compare(p.Path, q.Path), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// placeOf returns where desc is declared.
func placeOf(desc protoreflect.Descriptor) Place {
	file := desc.ParentFile()
	loc := file.SourceLocations().ByDescriptor(desc)
	if loc.Path == nil {
		return Place{Path: file.Path()}
	}
	return Place{Path: file.Path(), Line: loc.StartLine + 1, Column: loc.StartColumn + 1}
}

// problems collects problems.
type problems []Problem

func (p *problems) add(place Place, subject, format string, args ...any) {
	problem := Problem{Place: place, Subject: subject, Text: fmt.Sprintf(format, args...)}
	if !slices.Contains(*p, problem) {
		*p = append(*p, problem)
	}
}

// sorted returns the problems in the order of their places, whatever order the files came in.
func (p problems) sorted() []Problem {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(a.Place.compare(b.Place), strings.Compare(a.Error(), b.Error()))
	})
	return p
}

// err joins the problems, or returns nil if there are none.
func (p problems) err() error {
	errs := make([]error, 0, len(p))
	for _, problem := range p.sorted() {
		errs = append(errs, problem)
	}
	return errors.Join(errs...)
}

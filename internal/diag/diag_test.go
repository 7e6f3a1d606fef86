package diag_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/grpcservice/grpcservice/internal/diag"
)

func TestProblemText(t *testing.T) {
	at := diag.Position{Path: "a.proto", Line: 3, Column: 7}
	for _, tt := range []struct {
		problem diag.Problem
		want    string
	}{
		{diag.Problem{Position: at, Text: "wrong; mend it"}, "a.proto:3:7: wrong; mend it"},
		{diag.Problem{Position: at.Of("rpc A.B"), Text: "wrong"}, "a.proto:3:7: rpc A.B: wrong"},
		{diag.Problem{Position: diag.At("a.proto"), Text: "wrong"}, "a.proto: wrong"},
		{diag.Problem{Text: "wrong"}, "wrong"},
	} {
		if got := tt.problem.Error(); got != tt.want {
			t.Errorf("the text is %q, want %q", got, tt.want)
		}
	}
}

// listOf returns a list of two errors and a warning, out of order, with the warning twice.
func listOf() (l diag.List) {
	l.Errorf(diag.Position{Path: "b", Line: 2, Column: 1}, "%s", "second")
	l.Warnf(diag.Position{Path: "b", Line: 1, Column: 9}, "%s", "first")
	l.Warnf(diag.Position{Path: "b", Line: 1, Column: 9}, "%s", "first")
	l.Errorf(diag.Position{Path: "b", Line: 10, Column: 1}, "%s", "third")
	return l
}

func TestSorted(t *testing.T) {
	var got []string
	for _, p := range listOf().Sorted() {
		got = append(got, p.Text)
	}
	if want := []string{"first", "second", "third"}; !slices.Equal(got, want) {
		t.Errorf("sorted: %q, want %q", got, want)
	}
}

func TestProblemsAtOnePosition(t *testing.T) {
	var list diag.List
	list.Errorf(diag.At("a"), "z")
	list.Errorf(diag.At("a"), "y")
	if got := list.Sorted().Err().Error(); got != "a: z\na: y" {
		t.Errorf("sorted: %q, want the order in which they were found", got)
	}
	if got := list.Canonical().Err().Error(); got != "a: y\na: z" {
		t.Errorf("canonical: %q, want the order of the texts", got)
	}
}

func TestSeverities(t *testing.T) {
	list := listOf().Sorted()
	if got := list.Warnings(); len(got) != 1 || got[0].Text != "first" {
		t.Errorf("the warnings are %v", got)
	}
	if got := list.Err().Error(); got != "b:2:1: second\nb:10:1: third" {
		t.Errorf("the error is %q", got)
	}
	var only diag.List
	only.Warnf(diag.At("a"), "odd")
	if err := only.Err(); err != nil {
		t.Errorf("a warning is the error %v", err)
	}
}

func TestStrictMakesErrorsOfWarnings(t *testing.T) {
	strict := listOf().Sorted().Strict()
	if got := strict.Warnings(); len(got) != 0 {
		t.Errorf("the warnings are %v, want none", got)
	}
	if got := strict.Err().Error(); got != "b:1:9: first\nb:2:1: second\nb:10:1: third" {
		t.Errorf("the error is %q, want all three", got)
	}
}

func TestFail(t *testing.T) {
	var list diag.List
	problem := diag.Problem{Position: diag.At("a.go"), Text: "wrong"}
	list.Fail(nil)
	list.Fail(problem)
	list.Fail(fmt.Errorf("read: %w", problem))
	if len(list) != 2 || list[0] != problem || list[1].Text != "read: a.go: wrong" {
		t.Errorf("the list is %q", list)
	}
	if !errors.As(list.Err(), new(diag.Problem)) {
		t.Error("the joined error holds no Problem")
	}
}

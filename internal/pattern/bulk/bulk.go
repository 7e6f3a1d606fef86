// Package bulk is the pattern of a method that processes a stream of requests one by one.
package bulk

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/idempotency"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Name is the name of the pattern.
const Name = "bulk"

// Pattern returns the table row of the pattern.
func Pattern() pattern.Pattern {
	return pattern.Pattern{
		Name: Name, Option: Name, Is: "a bulk request", What: "bulk request", Docs: "bulk.md",
		Kinds: pattern.ClientStream, Detect: detect,
		Absent: func(pattern.Result) string {
			return "the method's name does not say that it processes requests one by one; set bulk.off to false if it does, or remove bulk"
		},
		Package:   pattern.Package{Name: "bulk", Path: "github.com/grpcservice/grpcservice/runtime/bulk"},
		Arguments: reflect.TypeFor[Arguments](), Stub: reflect.TypeFor[StubMethod](),
	}
}

// verbs are the first words of methods that process each request separately.
var verbs = []string{"create", "insert", "add", "import", "upsert", "update", "delete", "remove", "register"}

// detect looks for a bulk request, whose name says what the method does to each item and which does
// not only read.
func detect(m *pattern.Method) pattern.Found {
	e := pattern.Evidence{}
	words := shape.WordsOf(m.Desc.Name())
	isBatch := shape.IsBatchName(words)
	words = shape.WithoutBatch(words)
	switch {
	case m.Enables(Name):
		e.ByPolicy, e.Reasons = []string{"off"}, []string{"off: false, " + pattern.AsSaid}
	case idempotency.IsRead(m.Desc), len(words) == 0 && !isBatch || !isBatch && !slices.Contains(verbs, words[0]):
		return nil
	case isBatch, isPlural(words[len(words)-1]):
		e.Found(pattern.Certain, fmt.Sprintf("a stream of requests, and the name %s", m.Desc.Name()))
	default:
		e.Found(pattern.Possible, fmt.Sprintf("a stream of requests, and the name %s", m.Desc.Name()))
		e.Advice = append(e.Advice, "off: false")
		m.Report(Name, e)
		return nil
	}
	m.Report(Name, e)
	return &Bulk{}
}

func isPlural(word string) bool { return shape.Singular(word) != word }

// Bulk is a bulk request. It has no fields: each request is an item.
type Bulk struct{}

// Fields implements [pattern.Found].
func (*Bulk) Fields() map[string]any { return map[string]any{} }

// Limits implements [pattern.Found].
func (*Bulk) Limits(has *policy.Patterns) { has.Add(Name) }

// Arguments are the arguments of the helper's constructor, as helper_bulk.go.tmpl writes them:
// none.
type Arguments struct{}

// Helper implements [model.Helped].
func (*Bulk) Helper(s *model.Scope) model.Helper {
	return model.Helper{
		Constructor: "Of",
		Summary:     fmt.Sprintf("serves %s item by item, and reports which failed.", s.Method().GoName),
		Arguments:   Arguments{},
		Stub:        Stub{},
	}
}

// Stub is the data of the starter code for a user's method. It adds nothing to that of the method.
type Stub struct{}

// StubMethod is a user's method, as stub_bulk.go.tmpl sees it.
type StubMethod struct{ view.MethodStub }

// Of implements [view.Stub].
func (Stub) Of(m view.MethodStub) any { return StubMethod{m} }

// Package search is the pattern of a method that streams the results of a search.
package search

import (
	"reflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Name is the name of the pattern.
const Name = "search"

// Pattern returns the table row of the pattern.
func Pattern() pattern.Pattern {
	return pattern.Pattern{
		Name: Name, Option: Name, Is: "a search", What: "search", Docs: "search.md",
		Kinds: pattern.ServerStream, Detect: detect,
		Parts:     []string{"limit", "items"},
		Shown:     "search.limit or search.items",
		Package:   pattern.Package{Name: "search", Path: "github.com/grpcservice/grpcservice/runtime/search"},
		Arguments: reflect.TypeFor[Arguments](), Stub: reflect.TypeFor[StubMethod](),
	}
}

// Search contains the fields of a search.
type Search struct {
	Limit shape.Path // in the request, or empty
	Items shape.Path // in the response: a list; empty if each response is a result
}

// Fields implements [pattern.Found].
func (s *Search) Fields() map[string]any {
	return pattern.Fields(map[string]shape.Path{"limit": s.Limit, "items": s.Items})
}

// Limits implements [pattern.Found].
func (s *Search) Limits(has *policy.Patterns) { has.Add(Name) }

// Package page is the pattern of a paginated list (AIP-158).
package page

import (
	"reflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Name is the name of the pattern.
const Name = "page"

// Pattern returns the table row of the pattern.
func Pattern() pattern.Pattern {
	return pattern.Pattern{
		Name: Name, Option: "page", Is: "paged", What: "page", Docs: "pages.md",
		Kinds: pattern.Unary, Detect: detect, Reads: reads,
		Parts:     []string{"items", "size", "token", "next_token", "skip", "total"},
		Shown:     "page.items, page.token and page.next_token",
		Package:   pattern.Package{Name: "page", Path: "github.com/grpcservice/grpcservice/runtime/page"},
		Needs:     pattern.Needs{TokenKeys: true},
		Arguments: reflect.TypeFor[Arguments](), Stub: reflect.TypeFor[StubMethod](),
	}
}

// Page contains the pagination fields of a list. Token and NextToken are empty if the list uses
// Skip as an offset.
type Page struct {
	Items          shape.Path // in the response: a repeated field or a map
	Size           shape.Path // in the request, or empty
	Token          shape.Path // in the request: string or bytes
	NextToken      shape.Path // in the response; has the type of Token
	Total          shape.Path // in the response, or empty
	Skip           shape.Path // in the request, or empty
	IdempotencyKey shape.Path // in the request, or empty
	// Vary are the paths of request fields that may differ between pages.
	Vary []string
	// Map reports whether Items is a map.
	Map bool
}

// Fields implements [pattern.Found].
func (p *Page) Fields() map[string]any {
	fields := pattern.Fields(map[string]shape.Path{
		"items": p.Items, "size": p.Size, "token": p.Token, "next_token": p.NextToken, "total": p.Total, "skip": p.Skip,
		"idempotency_key": p.IdempotencyKey,
	})
	if len(p.Vary) > 0 {
		fields["vary"] = p.Vary
	}
	return fields
}

// Limits implements [pattern.Found].
func (p *Page) Limits(has *policy.Patterns) { has.Add(Name) }

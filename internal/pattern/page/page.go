package page

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/idempotency"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Names of the fields of lists, in order of preference.
var (
	sizeNames      = []string{"page_size", "max_results"}
	limitNames     = []string{"limit", "maximum_page_size", "max_page_size", "page_limit", "per_page"}
	tokenNames     = []string{"page_token", "next_page_token", "continuation_token", "cursor", "page_cursor"}
	nextTokenNames = []string{"next_page_token", "continuation_token", "next_cursor", "next_token", "next_page_cursor"}
	totalNames     = []string{"total_size", "total_count", "total_results", "total_results_count", "total_items", "total"}
	skipNames      = []string{"skip"}
	moreNames      = []string{"has_more", "more", "more_results", "has_next", "has_next_page", "last", "is_last", "last_page", "is_last_page"}
)

// looseTokens are ambiguous names of tokens, in pairs of request and response.
var looseTokens = [][2]string{
	{"page_token", "page_token"}, {"list_token", "list_token"}, {"list_token", "next_list_token"}, {"token", "next_token"}, {"token", "token"},
}

// nextTokenWords are words one of which each name of a token in a response contains.
var nextTokenWords = []string{"token", "cursor"}

// reads is a necessary condition of findTokens: without a policy, each of its ways to find tokens
// requires a field of the response with the name of one.
func reads(o pattern.Outline) pattern.Reads {
	for _, field := range o.Response {
		if slices.ContainsFunc(nextTokenWords, func(word string) bool { return strings.Contains(field, word) }) {
			return pattern.ReadsBoth
		}
	}
	return pattern.ReadsNothing
}

// pager looks for the fields of a list.
type pager struct {
	*pattern.Method
	pattern.Evidence
	said *grpcservicev1.Page
	page Page
}

// detect looks for a paginated list (AIP-158).
func detect(m *pattern.Method) pattern.Found {
	p := pager{Method: m, said: m.Policy.GetPage()}
	if p.said == nil {
		p.said = &grpcservicev1.Page{}
	}
	p.findSkip()
	if !p.findTokens() {
		return nil
	}
	p.findSize()
	if !p.findItems() {
		return nil
	}
	p.findMore()
	p.findTotal()
	p.findVary()
	p.explainNames()
	m.Report(Name, p.Evidence)
	return &p.page
}

// use returns the field that the policy names for a part of the page, and records that the policy
// names it.
func (p *pager) use(part string, said *string, in protoreflect.MessageDescriptor, want shape.Kind) (shape.Path, bool) {
	path, ok := p.Named(Name+"."+part, said, in, want)
	if ok {
		p.ByPolicy = append(p.ByPolicy, part)
	}
	return path, ok
}

// firstNamed returns the first part of the page that the policy names, or "".
func (p *pager) firstNamed() string { return p.FirstNamed(Pattern()) }

// useOrNone is like use, for a part that the policy may disable with an empty name.
func (p *pager) useOrNone(part string, said *string, in protoreflect.MessageDescriptor, want shape.Kind) (shape.Path, bool) {
	if said != nil && *said == "" {
		return nil, true
	}
	return p.use(part, said, in, want)
}

// findTokens finds the two tokens, which have the same type. It reports whether the list uses
// tokens, or an offset that the policy names.
func (p *pager) findTokens() bool {
	tokens := shape.AllNamed(p.In, tokenNames, shape.IsToken)
	if path, ok := p.use("token", p.said.Token, p.In, shape.AToken); ok {
		tokens = []shape.Path{path}
	}
	nexts := shape.AllNamed(p.Out, nextTokenNames, shape.IsToken)
	if path, ok := p.use("next_token", p.said.NextToken, p.Out, shape.AToken); ok {
		nexts = []shape.Path{path}
	}
	for _, token := range tokens {
		for _, next := range nexts {
			if token.Field().Kind() == next.Field().Kind() {
				p.page.Token, p.page.NextToken = token, next
				return true
			}
		}
	}
	return p.isPagedByOffset() || p.findLooseTokens() || p.missToken(tokens, nexts)
}

// findLooseTokens finds tokens with ambiguous names next to an unambiguous page size, and reports
// whether it found them.
func (p *pager) findLooseTokens() bool {
	size := shape.FirstNamed(p.In, slices.Concat(sizeNames, limitNames), shape.IsCount)
	if p.firstNamed() != "" || len(size) == 0 {
		return false
	}
	for _, pair := range looseTokens {
		token, next := shape.FirstNamed(p.In, pair[:1], shape.IsToken), shape.FirstNamed(p.Out, pair[1:], shape.IsToken)
		if len(token) > 0 && len(next) > 0 && token.Field().Kind() == next.Field().Kind() {
			p.page.Token, p.page.NextToken = token, next
			p.Found(pattern.Likely, fmt.Sprintf("token: %s, and %s in the response, by their names", token, next))
			p.Advise("token", token)
			p.Advise("next_token", next)
			return true
		}
	}
	return false
}

// isPagedByOffset reports whether the policy names an offset for a list without tokens.
func (p *pager) isPagedByOffset() bool {
	return p.said.GetSkip() != "" && len(p.page.Skip) > 0 && p.said.GetToken()+p.said.GetNextToken() == ""
}

// missToken reports that a token is missing. It returns false, because the list is not paginated.
func (p *pager) missToken(tokens, nexts []shape.Path) bool {
	named := p.firstNamed()
	switch {
	case named == "":
		p.guessPage()
	case p.HasProblem(Name):
	case len(tokens) == 0:
		p.Problem(named, fmt.Sprintf("no string or bytes field of %s has the name of a page token; name it in page.token, "+
			"or name an offset in page.skip if it has no tokens", p.In.FullName()))
	case len(nexts) == 0:
		p.Problem(named, fmt.Sprintf("no string or bytes field of %s has the name of a token of the next page; name it in page.next_token", p.Out.FullName()))
	default:
		p.Problem(named, fmt.Sprintf("the response's %q is %v, and the request's %q is %v; both tokens must have the same type; name other fields",
			nexts[0], nexts[0].Field().Kind(), tokens[0], tokens[0].Field().Kind()))
	}
	return false
}

func (p *pager) findSize() {
	path, ok := p.useOrNone("size", p.said.Size, p.In, shape.ACount)
	if !ok {
		path = shape.FirstNamed(p.In, sizeNames, shape.IsCount)
	}
	if limit := shape.FirstNamed(p.In, limitNames, shape.IsCount); !ok && len(path) == 0 && len(limit) > 0 {
		path = limit
		p.Found(pattern.Likely, fmt.Sprintf("size: %s, by its name", limit))
		p.Advise("size", limit)
	}
	if said := p.said.Size; said != nil && len(path) > 0 && path.String() == p.said.GetSkip() {
		p.Problem("page.size", fmt.Sprintf("%q is also named in page.skip; name another field in one of them", path))
	}
	p.page.Size = path
}

// findMore looks for a flag for more pages. In AIP-158, only an empty token marks the last page; a
// list with such a flag may return a token on its last page.
func (p *pager) findMore() {
	if more := shape.FirstNamed(p.Out, moreNames, shape.IsBool); len(more) > 0 && p.said.NextToken == nil && len(p.page.NextToken) > 0 {
		p.Found(pattern.Likely, fmt.Sprintf("next_token: %s, while %s may say where the list ends", p.page.NextToken, more))
		p.Advise("next_token", p.page.NextToken)
	}
}

// findSkip finds the number of items to skip. A field named offset counts only if the
// policy names it.
func (p *pager) findSkip() {
	path, ok := p.useOrNone("skip", p.said.Skip, p.In, shape.ACount)
	if !ok {
		path = shape.FirstNamed(p.In, skipNames, shape.IsCount)
	}
	p.page.Skip = path
}

func (p *pager) findTotal() {
	path, ok := p.useOrNone("total", p.said.Total, p.Out, shape.ACount)
	if !ok {
		path = shape.FirstNamed(p.Out, totalNames, shape.IsCount)
	}
	p.page.Total = path
}

// findVary records the fields that may differ between pages. A field that certainly is the
// idempotency key, by its format or its policy, changes with each page. Otherwise it may be a
// filter, which the caller sets.
func (p *pager) findVary() {
	for i, name := range p.said.GetVary() {
		if path, ok := p.Named(fmt.Sprintf("page.vary[%d]", i), &name, p.In, shape.AnyField); ok {
			p.page.Vary = append(p.page.Vary, path.String())
		}
	}
	path, sure := idempotency.FieldOf(p.Method)
	switch {
	case sure:
		p.page.IdempotencyKey = path
	case len(path) > 0:
		p.page.Vary = append(p.page.Vary, path.String())
	}
}

// explainNames adds the parts that the policy names to the reasons, except for the items, which
// have their own reason.
func (p *pager) explainNames() {
	names := slices.DeleteFunc(slices.Clone(p.ByPolicy), func(part string) bool { return part == "items" })
	if len(names) > 0 {
		p.Reasons = append(p.Reasons, shape.Join(names)+": "+pattern.AsSaid)
	}
}

package pattern

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Names of the fields of lists, the better ones first.
var (
	sizeNames      = []string{"page_size", "max_results"}
	limitNames     = []string{"limit", "maximum_page_size", "max_page_size", "page_limit", "per_page"}
	tokenNames     = []string{"page_token", "next_page_token", "continuation_token", "cursor", "page_cursor"}
	nextTokenNames = []string{"next_page_token", "continuation_token", "next_cursor", "next_token", "next_page_cursor"}
	totalNames     = []string{"total_size", "total_count", "total_results", "total_results_count", "total_items", "total"}
	skipNames      = []string{"skip"}
	moreNames      = []string{"has_more", "more", "more_results", "has_next", "has_next_page", "last", "is_last", "last_page", "is_last_page"}
)

// looseTokens are names of tokens that may be of something else: each is a pair of the request's and the response's.
var looseTokens = [][2]string{
	{"page_token", "page_token"}, {"list_token", "list_token"}, {"list_token", "next_list_token"}, {"token", "next_token"}, {"token", "token"},
}

// pager looks for the fields of a list.
type pager struct {
	*detector
	evidence
	said *grpcservicev1.Page
	page Page
}

// findPage looks for a list that is paged (AIP-158), and says whether it is one.
func (d *detector) findPage() bool {
	p := pager{detector: d, said: d.said.GetPage()}
	if p.said.GetOff() {
		return false
	}
	if p.said == nil {
		p.said = &grpcservicev1.Page{}
	}
	p.findSkip()
	if !p.findTokens() {
		return false
	}
	p.findSize()
	if !p.findItems() {
		return false
	}
	p.findMore()
	p.findTotal()
	p.findVary()
	p.explainNames()
	d.result.Page = &p.page
	d.report(PatternPage, p.evidence)
	return true
}

// use returns the field that the policy names for a part of the page, and notes that it does.
func (p *pager) use(part string, said *string, in protoreflect.MessageDescriptor, want kind) (Path, bool) {
	path, ok := p.named(PatternPage+"."+part, said, in, want)
	if ok {
		p.byPolicy = append(p.byPolicy, part)
	}
	return path, ok
}

// useOrNone is use of a part that the policy may take away by an empty name.
func (p *pager) useOrNone(part string, said *string, in protoreflect.MessageDescriptor, want kind) (Path, bool) {
	if said != nil && *said == "" {
		return nil, true
	}
	return p.use(part, said, in, want)
}

// findTokens finds the two tokens, which are of one type, and says whether the list is paged by them, or by an offset that the
// policy names.
func (p *pager) findTokens() bool {
	tokens := allNamed(p.in, tokenNames, isToken)
	if path, ok := p.use("token", p.said.Token, p.in, aToken); ok {
		tokens = []Path{path}
	}
	nexts := allNamed(p.out, nextTokenNames, isToken)
	if path, ok := p.use("next_token", p.said.NextToken, p.out, aToken); ok {
		nexts = []Path{path}
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

// findLooseTokens finds tokens whose names alone do not say enough, beside a size that does, and says whether there are some.
func (p *pager) findLooseTokens() bool {
	size := firstNamed(p.in, slices.Concat(sizeNames, limitNames), isCount)
	if firstPageName(p.said) != "" || len(size) == 0 {
		return false
	}
	for _, pair := range looseTokens {
		token, next := firstNamed(p.in, pair[:1], isToken), firstNamed(p.out, pair[1:], isToken)
		if len(token) > 0 && len(next) > 0 && token.Field().Kind() == next.Field().Kind() {
			p.page.Token, p.page.NextToken = token, next
			p.found(Likely, fmt.Sprintf("token: %s, and %s in the response, by their names", token, next))
			p.advise("token", token)
			p.advise("next_token", next)
			return true
		}
	}
	return false
}

// isPagedByOffset says whether the policy names an offset for a list without tokens.
func (p *pager) isPagedByOffset() bool {
	return p.said.GetSkip() != "" && len(p.page.Skip) > 0 && p.said.GetToken()+p.said.GetNextToken() == ""
}

// missToken reports that there are no two tokens. It returns false, for the list is not paged.
func (p *pager) missToken(tokens, nexts []Path) bool {
	named := firstPageName(p.said)
	switch {
	case named == "":
		p.guessPage()
	case p.hasProblem(PatternPage):
	case len(tokens) == 0:
		p.problem(named, fmt.Sprintf("no string or bytes of %s is named like a page token; name it in page.token, "+
			"or an offset in page.skip where there are no tokens", p.in.FullName()))
	case len(nexts) == 0:
		p.problem(named, fmt.Sprintf("no string or bytes of %s is named like the token of the next page; name it in page.next_token", p.out.FullName()))
	default:
		p.problem(named, fmt.Sprintf("the response's %q is %v, and the request's %q is %v; two tokens of one type are needed, so name others",
			nexts[0], nexts[0].Field().Kind(), tokens[0], tokens[0].Field().Kind()))
	}
	return false
}

func (p *pager) findSize() {
	path, ok := p.useOrNone("size", p.said.Size, p.in, aCount)
	if !ok {
		path = firstNamed(p.in, sizeNames, isCount)
	}
	if limit := firstNamed(p.in, limitNames, isCount); !ok && len(path) == 0 && len(limit) > 0 {
		path = limit
		p.found(Likely, fmt.Sprintf("size: %s, by its name", limit))
		p.advise("size", limit)
	}
	if said := p.said.Size; said != nil && len(path) > 0 && path.String() == p.said.GetSkip() {
		p.problem("page.size", fmt.Sprintf("%q is named in page.skip too; name another field in one of them", path))
	}
	p.page.Size = path
}

// findMore looks for a flag that says whether there are more pages. By AIP-158 an empty token says so, and only that: a list that
// has such a flag may have a token on its last page.
func (p *pager) findMore() {
	if more := firstNamed(p.out, moreNames, isBool); len(more) > 0 && p.said.NextToken == nil && len(p.page.NextToken) > 0 {
		p.found(Likely, fmt.Sprintf("next_token: %s, while %s may say where the list ends", p.page.NextToken, more))
		p.advise("next_token", p.page.NextToken)
	}
}

// findSkip finds the number of items to leave out; among the tokens' fields, an offset must be named.
func (p *pager) findSkip() {
	path, ok := p.useOrNone("skip", p.said.Skip, p.in, aCount)
	if !ok {
		path = firstNamed(p.in, skipNames, isCount)
	}
	p.page.Skip = path
}

func (p *pager) findTotal() {
	path, ok := p.useOrNone("total", p.said.Total, p.out, aCount)
	if !ok {
		path = firstNamed(p.out, totalNames, isCount)
	}
	p.page.Total = path
}

// findVary notes what may differ between pages. A request id does, and is another one for each page where it is known to be a
// request id: by its format, or because the policy says so. Elsewhere it may be a filter, which is for the caller to set.
func (p *pager) findVary() {
	for i, name := range p.said.GetVary() {
		if path, ok := p.named(fmt.Sprintf("page.vary[%d]", i), &name, p.in, anyField); ok {
			p.page.Vary = append(p.page.Vary, path.String())
		}
	}
	path, sure := p.idField()
	switch {
	case sure:
		p.page.RequestID = path
	case len(path) > 0:
		p.page.Vary = append(p.page.Vary, path.String())
	}
}

// explainNames says of the parts that the policy names that it does; the items say it themselves.
func (p *pager) explainNames() {
	names := slices.DeleteFunc(slices.Clone(p.byPolicy), func(part string) bool { return part == "items" })
	if len(names) > 0 {
		p.reasons = append(p.reasons, join(names)+": "+asSaid)
	}
}

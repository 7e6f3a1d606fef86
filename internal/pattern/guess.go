package pattern

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Names of the fields of a message that pages, in a request or a response, beside those that they have outside of one.
var (
	innerSizeNames      = []string{"size", "count"}
	innerTokenNames     = []string{"token", "next_token", "after", "key", "start_key"}
	innerNextTokenNames = []string{"token", "cursor", "page_token", "end_cursor", "next_key", "last_key"}
	offsetNames         = []string{"offset", "skip"}
)

// guessPage reports a list whose tokens are in messages of their own, or that is paged by an offset: what a policy has to name.
func (p *pager) guessPage() {
	c := p.chooseItems()
	if c.field == nil {
		return
	}
	var guess evidence
	guess.advise("items", Path{c.field})
	size, offset := firstNamed(p.in, slices.Concat(sizeNames, limitNames), isCount), firstNamed(p.in, offsetNames, isCount)
	token, next := p.nestedTokens()
	switch {
	case len(token) > 0:
		guess.advise("size", firstOf(size, p.nested(p.in, isCount, sizeNames, limitNames, innerSizeNames)))
		guess.advise("token", token)
		guess.advise("next_token", next)
		guess.found(Possible, fmt.Sprintf("%s and %s look like page tokens", token, next))
	case len(size) > 0 && len(offset) > 0:
		guess.advise("size", size)
		guess.advise("skip", offset)
		guess.found(Possible, fmt.Sprintf("%s and %s look like a page without a token", size, offset))
	default:
		return
	}
	p.report(PatternPage, guess)
}

// nestedTokens returns two tokens of one type of which at least one is in a message that pages.
func (p *pager) nestedTokens() (token, next Path) {
	token = firstOf(firstNamed(p.in, tokenNames, isToken), p.nested(p.in, isToken, tokenNames, innerTokenNames))
	next = firstOf(firstNamed(p.out, nextTokenNames, isToken), p.nested(p.out, isToken, nextTokenNames, innerNextTokenNames))
	if len(token) == 0 || len(next) == 0 || len(token)+len(next) < 3 || token.Field().Kind() != next.Field().Kind() {
		return nil, nil
	}
	return token, next
}

// nested returns the first field with one of the names in a message that is named like one that pages.
func (p *pager) nested(in protoreflect.MessageDescriptor, is func(protoreflect.FieldDescriptor) bool, names ...[]string) Path {
	for outer := range fieldsOf(in) {
		if !isMessage(outer) || !strings.Contains(strings.ToLower(string(outer.Name())), "pag") {
			continue
		}
		for _, list := range names {
			if inner := firstNamed(outer.Message(), list, is); len(inner) > 0 {
				return Path{outer, inner[0]}
			}
		}
	}
	return nil
}

func firstOf(a, b Path) Path {
	if len(a) > 0 {
		return a
	}
	return b
}

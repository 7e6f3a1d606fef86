package page

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// Names of the fields of a pagination message in a request or a response, in addition to the names
// that are also used outside of one.
var (
	innerSizeNames      = []string{"size", "count"}
	innerTokenNames     = []string{"token", "next_token", "after", "key", "start_key"}
	innerNextTokenNames = []string{"token", "cursor", "page_token", "end_cursor", "next_key", "last_key"}
	offsetNames         = []string{"offset", "skip"}
)

// guessPage reports a list whose tokens are in separate messages, or that uses an offset: the
// policy has to name the fields.
func (p *pager) guessPage() {
	c := p.ChooseItems()
	if c.Field == nil {
		return
	}
	var guess pattern.Evidence
	guess.Advise("items", shape.Path{c.Field})
	size, offset := shape.FirstNamed(p.In, slices.Concat(sizeNames, limitNames), shape.IsCount), shape.FirstNamed(p.In, offsetNames, shape.IsCount)
	token, next := p.nestedTokens()
	switch {
	case len(token) > 0:
		guess.Advise("size", firstOf(size, p.nested(p.In, shape.IsCount, sizeNames, limitNames, innerSizeNames)))
		guess.Advise("token", token)
		guess.Advise("next_token", next)
		guess.Found(pattern.Possible, fmt.Sprintf("%s and %s look like page tokens", token, next))
	case len(size) > 0 && len(offset) > 0:
		guess.Advise("size", size)
		guess.Advise("skip", offset)
		guess.Found(pattern.Possible, fmt.Sprintf("%s and %s look like a page without a token", size, offset))
	default:
		return
	}
	p.Report(Name, guess)
}

// nestedTokens returns two tokens of the same type, at least one of which is in a pagination
// message.
func (p *pager) nestedTokens() (token, next shape.Path) {
	token = firstOf(shape.FirstNamed(p.In, tokenNames, shape.IsToken), p.nested(p.In, shape.IsToken, tokenNames, innerTokenNames))
	next = firstOf(shape.FirstNamed(p.Out, nextTokenNames, shape.IsToken), p.nested(p.Out, shape.IsToken, nextTokenNames, innerNextTokenNames))
	if len(token) == 0 || len(next) == 0 || len(token)+len(next) < 3 || token.Field().Kind() != next.Field().Kind() {
		return nil, nil
	}
	return token, next
}

// nested returns the first field with one of the names in a message whose name suggests pagination.
func (p *pager) nested(in protoreflect.MessageDescriptor, is func(protoreflect.FieldDescriptor) bool, names ...[]string) shape.Path {
	for outer := range shape.FieldsOf(in) {
		if !shape.IsMessage(outer) || !strings.Contains(strings.ToLower(string(outer.Name())), "pag") {
			continue
		}
		for _, list := range names {
			if inner := shape.FirstNamed(outer.Message(), list, is); len(inner) > 0 {
				return shape.Path{outer, inner[0]}
			}
		}
	}
	return nil
}

func firstOf(a, b shape.Path) shape.Path {
	if len(a) > 0 {
		return a
	}
	return b
}

package page

import (
	"fmt"
	"slices"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// findItems finds the items of a page, and reports whether their level is above Possible.
func (p *pager) findItems() bool {
	if path, ok := p.use("items", p.said.Items, p.Out, shape.AList); ok {
		p.setItems(path)
		p.Reasons = slices.Insert(p.Reasons, 0, fmt.Sprintf("items: %s, %s", path, pattern.AsSaid))
		return true
	}
	c := p.ChooseItems()
	if c.Field == nil {
		p.missItems()
		return false
	}
	if hidden := p.OtherList(c); hidden != nil {
		c.Level, c.Why = pattern.Possible, fmt.Sprintf("while %s holds a list too", hidden.Name())
	}
	reason := fmt.Sprintf("items: %s, %s", c.Field.Name(), c.Why)
	if c.Level == pattern.Possible {
		p.ReportPossible(Name, reason, pattern.Option(Name, fmt.Sprintf("items: %q", c.Field.Name())))
		return false
	}
	p.setItems(shape.Path{c.Field})
	p.Found(c.Level, "")
	p.Reasons = slices.Insert(p.Reasons, 0, reason)
	if c.Level < pattern.Certain {
		p.Advice = slices.Insert(p.Advice, 0, fmt.Sprintf("items: %q", c.Field.Name()))
	}
	return true
}

func (p *pager) setItems(path shape.Path) {
	p.page.Items, p.page.Map = path, path.Field().IsMap()
}

// missItems reports that a response has no items.
func (p *pager) missItems() {
	if len(p.ByPolicy) > 0 && !p.HasProblem(Name) {
		p.Problem(p.firstNamed(), fmt.Sprintf("%s has no repeated field or map; name one of a nested message in page.items, with a dot", p.Out.FullName()))
	}
}

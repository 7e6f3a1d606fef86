package filter

import "strings"

// String returns the expression as a filter.
func (e *And) String() string { return join(e.Operands, " AND ") }

// String returns the expression as a filter.
func (e *Or) String() string { return join(e.Operands, " OR ") }

// String returns the expression as a filter.
func (e *Not) String() string {
	if _, twice := e.Operand.(*Not); twice {
		return "NOT (" + e.Operand.String() + ")"
	}
	return "NOT " + e.Operand.String()
}

// String returns the expression as a filter.
func (e *Restriction) String() string {
	switch e.Op {
	case Bare:
		return e.Left.String()
	case Has:
		return e.Left.String() + ":" + e.Right.String()
	}
	return e.Left.String() + " " + string(e.Op) + " " + e.Right.String()
}

// String returns the member as a filter spells it.
func (m *Member) String() string {
	texts := make([]string, len(m.Parts))
	for i, part := range m.Parts {
		texts[i] = part.spelled()
	}
	return strings.Join(texts, ".")
}

// String returns the call as a filter spells it.
func (c *Call) String() string {
	args := make([]string, len(c.Args))
	for i, arg := range c.Args {
		args[i] = arg.String()
	}
	return c.Name + "(" + strings.Join(args, ", ") + ")"
}

func join(operands []Expr, operator string) string {
	texts := make([]string, len(operands))
	for i, operand := range operands {
		texts[i] = operand.String()
	}
	return "(" + strings.Join(texts, operator) + ")"
}

// escapes lists the characters that need an escape between double quotes.
var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `*`, `\*`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

func (p Part) spelled() string {
	if !p.Quoted {
		return p.Text
	}
	texts := make([]string, len(p.pattern))
	for i, text := range p.pattern {
		texts[i] = escapes.Replace(text)
	}
	return `"` + strings.Join(texts, "*") + `"`
}

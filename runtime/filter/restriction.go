package filter

import "strings"

// restriction is a comparison, a literal or a call.
func (p *parser) restriction() (Expr, *fault) {
	if p.terms++; p.terms > MaxTerms {
		return nil, faultf(p.tok.at, "the filter has more than %d comparisons", MaxTerms)
	}
	if err := p.misspelled(); err != nil {
		return nil, err
	}
	left, err := p.comparable(p.advance)
	if err != nil {
		return nil, err
	}
	op := Op(p.tok.kind)
	switch op {
	case Equals, NotEquals, Less, LessOrEqual, Greater, GreaterOrEqual, Has:
	default:
		return &Restriction{Left: left}, nil
	}
	if err := p.argument(); err != nil {
		return nil, err
	}
	if p.tok.kind == string(Equals) && op == Equals {
		return nil, faultf(p.tok.at-1, `"==" is not a comparator; write "="`)
	}
	return p.compared(left, op)
}

// compared is what is right of a comparator.
func (p *parser) compared(left Operand, op Op) (Expr, *fault) {
	if p.tok.kind == "(" {
		expr, err := p.composite(true)
		if err != nil {
			return nil, err
		}
		return distribute(left, op, expr)
	}
	right, err := p.comparable(p.argument)
	if err != nil {
		return nil, err
	}
	return &Restriction{Left: left, Op: op, Right: right}, nil
}

// distribute returns the expression with each literal replaced by a comparison with it.
func distribute(left Operand, op Op, expr Expr) (Expr, *fault) {
	switch e := expr.(type) {
	case *And:
		return e, distributeAll(left, op, e.Operands)
	case *Or:
		return e, distributeAll(left, op, e.Operands)
	case *Not:
		operand, err := distribute(left, op, e.Operand)
		return &Not{At: e.At, Operand: operand}, err
	case *Restriction:
		if e.Op == Bare {
			return &Restriction{Left: left, Op: op, Right: e.Left}, nil
		}
	}
	return nil, faultf(expr.Pos(), "a comparison cannot be compared; right of %q there may be literals with AND, OR and NOT", op)
}

func distributeAll(left Operand, op Op, operands []Expr) (err *fault) {
	for i, operand := range operands {
		if operands[i], err = distribute(left, op, operand); err != nil {
			return err
		}
	}
	return nil
}

// misspelled finds what other languages have for AND, OR and NOT, and would be a word to search for in this one.
func (p *parser) misspelled() *fault {
	if p.tok.kind != kindText {
		return nil
	}
	operator := map[string]string{"and": "AND", "or": "OR", "not": "NOT", "&&": "AND", "||": "OR", "&": "AND", "|": "OR"}[strings.ToLower(p.tok.text)]
	switch {
	case operator != "" && operator != p.tok.text:
		return faultf(p.tok.at, "%s is not an operator; write %s, or put a word to search for in quotes", quote(p.tok.text), operator)
	case p.tok.text[0] == '!' && !p.values:
		return faultf(p.tok.at, `"!" is not an operator; write NOT, or put a word to search for in quotes`)
	}
	return nil
}

// comparable is a member or a call. next moves to the token after a dot.
func (p *parser) comparable(next func() *fault) (Operand, *fault) {
	if p.keyword("AND") || p.keyword("OR") || p.keyword("NOT") {
		return nil, faultf(p.tok.at, "%s cannot stand here; put a word that is not an operator in quotes", p.tok.text)
	}
	member := &Member{At: p.tok.at}
	for {
		if err := p.part(member); err != nil {
			return nil, err
		}
		if p.tok.kind != "." || p.tok.spaced {
			break
		}
		if err := next(); err != nil {
			return nil, err
		}
		if p.tok.spaced || p.tok.kind == kindEnd {
			return nil, faultf(p.tok.at, "a name is missing after the dot; put text in quotes")
		}
	}
	if p.tok.kind == "(" && !p.tok.spaced && !member.Quoted() {
		return p.function(member)
	}
	return member, nil
}

// part appends the token to the member. What is behind it is no argument, unless a dot or a comma makes it one.
func (p *parser) part(member *Member) *fault {
	if p.tok.kind != kindText && p.tok.kind != kindString {
		return p.unexpected()
	}
	if len(member.Parts) == MaxDepth {
		return faultf(p.tok.at, "the path has more than %d names; put text in quotes", MaxDepth)
	}
	member.Parts = append(member.Parts, Part{p.tok.at, p.tok.text, p.tok.kind == kindString, p.tok.pattern})
	return p.advance()
}

// function is the arguments of a call, whose name has been read.
func (p *parser) function(name *Member) (Operand, *fault) {
	call := &Call{At: name.At, Name: name.Path()}
	open := p.tok.at
	if err := p.enter(); err != nil {
		return nil, err
	}
	if err := p.argument(); err != nil {
		return nil, err
	}
	for p.tok.kind != ")" {
		arg, err := p.comparable(p.argument)
		if err != nil {
			return nil, err
		}
		call.Args = append(call.Args, arg)
		if p.tok.kind != "," {
			break
		}
		if err := p.argument(); err != nil {
			return nil, err
		}
	}
	return call, p.close(open)
}

package filter

import (
	"strings"
	"unicode/utf8"
)

// Limits of filters, which bound their cost.
const (
	// MaxLength is the maximum length of a filter in bytes.
	MaxLength = 8 << 10
	// MaxDepth is the maximum nesting of brackets, and the maximum number of names in a path.
	MaxDepth = 32
	// MaxSearches is the maximum number of parts of a filter that search a whole message, list,
	// map or string: single words, functions, strings with two or more wildcards, and comparisons
	// with a colon that look into a list, a map or a value whose type is known only at run time.
	MaxSearches = 64
	// MaxTerms is the maximum number of comparisons, literals and calls in a filter.
	MaxTerms = 1000
)

// Parse returns the tree of a filter, or nil for an empty or blank one, which matches everything.
// It does not check types; to do so, use [For] and [Schema.Parse].
//
// An error is INVALID_ARGUMENT, reason [ReasonInvalid], with a violation of field, the path of
// the filter in the request, usually "filter". Filters that exceed [MaxLength], [MaxDepth] or
// [MaxTerms] are rejected too; [Schema.Parse] enforces [MaxSearches].
func Parse(field, text string) (Expr, error) {
	expr, err := parse(text)
	if err != nil {
		return nil, err.status(field, text)
	}
	return expr, nil
}

func parse(source string) (Expr, *fault) {
	if len(source) > MaxLength {
		return nil, faultf(MaxLength, "the filter has %d bytes; the maximum is %d", len(source), MaxLength)
	}
	if at := strings.IndexByte(source, 0); at >= 0 { // text columns of databases cannot store it
		return nil, faultf(Pos(at), "the character U+0000 cannot stand in a filter")
	}
	if !utf8.ValidString(source) { // protobuf strings cannot either, but proto2 does not check
		return nil, faultf(0, "the filter is not UTF-8")
	}
	p := &parser{lexer: lexer{source: source}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.kind == kindEnd {
		return nil, nil
	}
	expr, err := p.expression()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != kindEnd {
		return nil, p.unexpected()
	}
	return expr, nil
}

// parser is a recursive descent parser for the grammar of AIP-160; its methods have the names of
// the grammar's rules.
type parser struct {
	lexer  lexer
	tok    token // the next token, not consumed yet
	values bool  // inside brackets to the right of a comparator, which hold literals
	depth  int
	terms  int
}

func (p *parser) advance() (err *fault) {
	p.tok, err = p.lexer.next(p.values)
	return err
}

// argument advances to a token that is an argument: to the right of a comparator or in a call.
func (p *parser) argument() (err *fault) {
	p.tok, err = p.lexer.next(true)
	return err
}

// keyword reports whether the token is the operator.
func (p *parser) keyword(operator string) bool {
	return p.tok.kind == kindText && p.tok.text == operator
}

// unexpected returns the fault for a token that is not valid at its position.
func (p *parser) unexpected() *fault {
	switch p.tok.kind {
	case kindEnd:
		return faultf(p.tok.at, "the filter ends where something is missing")
	case kindText, kindString:
		return faultf(p.tok.at, "%s cannot stand here", quote(p.tok.text))
	}
	return faultf(p.tok.at, "%q cannot stand here; put text in quotes", p.tok.kind)
}

// expression is sequences joined by AND. A space means AND too, so the factors of all sequences
// become operands of one And.
func (p *parser) expression() (Expr, *fault) {
	var operands []Expr
	for {
		factors, err := p.sequence(operands)
		if err != nil {
			return nil, err
		}
		operands = factors
		if !p.keyword("AND") {
			return one(operands, func(all []Expr) Expr { return &And{all} }), nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

// sequence appends one or more factors separated by spaces.
func (p *parser) sequence(operands []Expr) ([]Expr, *fault) {
	for {
		factor, err := p.factor()
		if err != nil {
			return nil, err
		}
		operands = append(operands, factor)
		if p.keyword("AND") || p.tok.kind == ")" || p.tok.kind == kindEnd {
			return operands, nil
		}
		if !p.tok.spaced && (p.tok.kind == kindText || p.tok.kind == kindString || p.tok.kind == "(") {
			return nil, faultf(p.tok.at, "there must be a space here, or quotes around what is text")
		}
	}
}

// factor is terms joined by OR.
func (p *parser) factor() (Expr, *fault) {
	var operands []Expr
	for {
		term, err := p.term()
		if err != nil {
			return nil, err
		}
		operands = append(operands, term)
		if !p.keyword("OR") {
			return one(operands, func(all []Expr) Expr { return &Or{all} }), nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

func one(operands []Expr, several func([]Expr) Expr) Expr {
	if len(operands) == 1 {
		return operands[0]
	}
	return several(operands)
}

// term is a simple expression, optionally preceded by NOT or a minus.
func (p *parser) term() (Expr, *fault) {
	at := p.tok.at
	switch {
	case p.keyword("NOT"):
		if err := p.advance(); err != nil {
			return nil, err
		}
	case p.negates():
		if err := p.cutMinus(); err != nil {
			return nil, err
		}
	default:
		return p.simple()
	}
	operand, err := p.simple()
	if err != nil {
		return nil, err
	}
	return &Not{At: at, Operand: operand}, nil
}

// negates reports whether the token starts with a minus that negates. Among literals, the minus is
// part of a literal, as in age = -3.
func (p *parser) negates() bool {
	if p.tok.kind != kindText || p.tok.text[0] != '-' {
		return false
	}
	return !p.values || p.tok.text == "-" && strings.HasPrefix(p.lexer.source[p.lexer.at:], "(")
}

// cutMinus advances past the minus that the token starts with.
func (p *parser) cutMinus() *fault {
	at := p.tok.at
	p.lexer.at = at + 1
	if err := p.advance(); err != nil {
		return err
	}
	if p.tok.spaced || p.tok.kind == kindEnd {
		return faultf(at, `a minus stands right before what it negates: -name = "x"; to search for it, write "-"`)
	}
	return nil
}

// simple is an expression in brackets, or a restriction.
func (p *parser) simple() (Expr, *fault) {
	if p.tok.kind != "(" {
		return p.restriction()
	}
	return p.composite(p.values)
}

// composite is an expression in brackets; if values is set, it consists of literals.
func (p *parser) composite(values bool) (Expr, *fault) {
	bracket, outside := p.tok.at, p.values
	if err := p.enter(); err != nil {
		return nil, err
	}
	p.values = values
	if err := p.advance(); err != nil {
		return nil, err
	}
	expr, err := p.expression()
	if err != nil {
		return nil, err
	}
	p.values = outside // for what follows the bracket
	return expr, p.close(bracket)
}

// enter counts an opening bracket.
func (p *parser) enter() *fault {
	if p.depth++; p.depth > MaxDepth {
		return faultf(p.tok.at, "brackets are nested deeper than %d", MaxDepth)
	}
	return nil
}

// close continues after the closing bracket.
func (p *parser) close(bracket Pos) *fault {
	if p.tok.kind == kindEnd {
		return faultf(bracket, "the bracket that opens here is not closed")
	}
	if p.tok.kind != ")" {
		return p.unexpected()
	}
	p.depth--
	return p.advance()
}

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

// compared is the right side of a comparator.
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

// distribute returns the expression with each literal replaced by a comparison with that literal.
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

// misspelled detects the spellings that other languages use for AND, OR and NOT. Otherwise they
// would be words to search for.
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

// comparable is a member or a call. next advances to the token after a dot.
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

// part appends the token to the member. The token after it is not an argument, unless a dot or a
// comma makes it one.
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

// function is the arguments of a call; its name has been read.
func (p *parser) function(name *Member) (Operand, *fault) {
	call := &Call{At: name.At, Name: name.Path()}
	bracket := p.tok.at
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
	return call, p.close(bracket)
}

package filter

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

func (c *compiler) program(expr Expr) (*program, *fault) {
	match, err := c.compile(expr)
	return &program{match, c.words, c.searches, c.unpacks}, err
}

func (c *compiler) compile(expr Expr) (predicate, *fault) {
	switch e := expr.(type) {
	case *And:
		return c.all(e.Operands)
	case *Or:
		return c.any(e.Operands)
	case *Not:
		operand, err := c.compile(e.Operand)
		return func(m *matching, message protoreflect.Message) bool { return !operand(m, message) }, err
	case *Restriction:
		return c.restriction(e)
	}
	return func(*matching, protoreflect.Message) bool { return true }, nil
}

func (c *compiler) all(exprs []Expr) (predicate, *fault) {
	operands, err := c.each(exprs)
	return func(m *matching, message protoreflect.Message) bool {
		for _, operand := range operands {
			if !operand(m, message) {
				return false
			}
		}
		return true
	}, err
}

func (c *compiler) any(exprs []Expr) (predicate, *fault) {
	operands, err := c.each(exprs)
	return func(m *matching, message protoreflect.Message) bool {
		for _, operand := range operands {
			if operand(m, message) {
				return true
			}
		}
		return false
	}, err
}

func (c *compiler) each(exprs []Expr) ([]predicate, *fault) {
	operands := make([]predicate, len(exprs))
	for i, expr := range exprs {
		operand, err := c.compile(expr)
		if err != nil {
			return nil, err
		}
		operands[i] = operand
	}
	return operands, nil
}

func (c *compiler) restriction(r *Restriction) (predicate, *fault) {
	if call, ok := r.Left.(*Call); ok {
		return c.call(call, r.Op)
	}
	left := r.Left.(*Member)
	if r.Op == Bare {
		return c.literal(left)
	}
	right, ok := r.Right.(*Member)
	if !ok {
		return nil, faultf(r.Right.Pos(), "a function cannot stand right of %q; a literal can", r.Op)
	}
	cmp := &comparison{compiler: c, r: r, left: left, right: right, at: scopeOf(c.schema.fields)}
	test, err := cmp.fieldOf(c.message, left.Parts)
	return func(m *matching, message protoreflect.Message) bool {
		return test(m, protoreflect.ValueOfMessage(message), true)
	}, err
}

// call compiles a function that stands alone.
func (c *compiler) call(call *Call, op Op) (predicate, *fault) {
	compile := c.schema.functions[call.Name]
	switch {
	case compile == nil:
		return nil, faultf(call.At, "there is no function %s", quote(call.Name))
	case op != Bare:
		return nil, faultf(call.At, "%s is true or false by itself; it cannot be compared", call.Name)
	}
	match, err := compile(call.Args)
	if err != nil {
		return nil, faultf(call.At, "%s: %v", call.Name, err)
	}
	if err := c.searching(call.At); err != nil {
		return nil, err
	}
	return func(m *matching, message protoreflect.Message) bool { return match(m.ctx, message.Interface()) }, nil
}

// literal compiles a bare literal.
func (c *compiler) literal(word *Member) (predicate, *fault) {
	text := word.Path()
	if !word.Quoted() {
		field := c.message.Fields().ByName(protoreflect.Name(text))
		if field != nil && field.Kind() == protoreflect.BoolKind && !field.IsList() {
			return nil, faultf(word.At, "%s is a field; write %s = true, or put a word to search for in quotes", text, text)
		}
	}
	if c.schema.search != nil && len(c.schema.search.list) == 0 {
		return nil, faultf(word.At, "%s stands alone; write a comparison, such as field = %s", quote(text), brief(word))
	}
	if err := c.searching(word.At); err != nil {
		return nil, err
	}
	n := len(c.words)
	c.words = append(c.words, newWord(word))
	return func(m *matching, message protoreflect.Message) bool { return m.has(n, c.schema, message) }, nil
}

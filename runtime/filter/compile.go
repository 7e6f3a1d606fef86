package filter

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

// compiler turns the tree of a filter into a predicate.
type compiler struct {
	schema   *Schema
	message  protoreflect.MessageDescriptor
	annotate bool // whether to set Field and Value of restrictions
}

func (c *compiler) compile(expr Expr) (predicate, *fault) {
	switch e := expr.(type) {
	case *And:
		return c.all(e.Operands)
	case *Or:
		return c.any(e.Operands)
	case *Not:
		operand, err := c.compile(e.Operand)
		return func(m protoreflect.Message) bool { return !operand(m) }, err
	case *Restriction:
		return c.restriction(e)
	}
	return func(protoreflect.Message) bool { return true }, nil
}

func (c *compiler) all(exprs []Expr) (predicate, *fault) {
	operands, err := c.each(exprs)
	return func(m protoreflect.Message) bool {
		for _, operand := range operands {
			if !operand(m) {
				return false
			}
		}
		return true
	}, err
}

func (c *compiler) any(exprs []Expr) (predicate, *fault) {
	operands, err := c.each(exprs)
	return func(m protoreflect.Message) bool {
		for _, operand := range operands {
			if operand(m) {
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
	cmp := &comparison{compiler: c, r: r, left: left, right: right}
	test, err := cmp.fieldOf(c.message, left.Parts)
	return func(m protoreflect.Message) bool { return test(protoreflect.ValueOfMessage(m), true) }, err
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
	return func(m protoreflect.Message) bool { return match(m.Interface()) }, nil
}

// literal compiles a word that stands alone.
func (c *compiler) literal(word *Member) (predicate, *fault) {
	text := word.Path()
	if !word.Quoted() {
		field := c.message.Fields().ByName(protoreflect.Name(text))
		if field != nil && field.Kind() == protoreflect.BoolKind && !field.IsList() {
			return nil, faultf(word.At, "%s is a field; write %s = true, or put a word to search for in quotes", text, text)
		}
	}
	if c.schema.search != nil && len(c.schema.search.list) == 0 {
		return nil, faultf(word.At, "%s stands alone; write a comparison, such as field = %s", quote(text), word)
	}
	return newSearch(c.schema, word).message, nil
}

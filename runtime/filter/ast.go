package filter

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Pos is a byte offset in the text of a filter.
type Pos int

// Expr is an expression of a filter, true or false for a message: [*And], [*Or], [*Not] or
// [*Restriction]. Its String method returns an equivalent filter.
type Expr interface {
	Pos() Pos
	String() string
	isExpr()
}

// Operand is what a restriction compares: [*Member] or [*Call].
type Operand interface {
	Pos() Pos
	String() string
	isOperand()
}

// And is true if all its operands are. It has at least two.
type And struct{ Operands []Expr }

// Or is true if one of its operands is. It has at least two.
type Or struct{ Operands []Expr }

// Not is true if its operand is false.
type Not struct {
	At      Pos
	Operand Expr
}

// Restriction is a comparison. If Op is [Bare], it has only a left side: a call, or a literal to
// search for.
//
// A restriction whose right side is an expression, field = (a OR b), becomes field = a OR field =
// b in the tree.
type Restriction struct {
	Left  Operand
	Op    Op
	Right Operand // nil where Op is Bare

	// Field is the last field on the path of Left. [Schema.Parse] sets it, unless Left is not a
	// field of the message, or is within a google.protobuf.Any or google.protobuf.Value, whose
	// fields are known only for a given message.
	Field protoreflect.FieldDescriptor
	// Value is the literal on the right as a value of the field: string, bool, int64, uint64,
	// float64, protoreflect.EnumNumber, time.Time or time.Duration. It is nil if Field is nil, if
	// the literal is null or the * of field:*, and if it names a field of the message in Field.
	// [Member.Pattern] has the wildcards of strings.
	Value any

	// It looks into a list, a map or a message, so the column of a row cannot evaluate it
	manifold bool
}

// Op is a comparison operator.
type Op string

// The comparison operators.
const (
	Bare           Op = ""
	Equals         Op = "="
	NotEquals      Op = "!="
	Less           Op = "<"
	LessOrEqual    Op = "<="
	Greater        Op = ">"
	GreaterOrEqual Op = ">="
	Has            Op = ":"
)

// Member is the path of a field, or a literal: a.b, "text", 1.5. Both have the same syntax; left
// of a comparator it is a field, right of it a literal.
type Member struct {
	At    Pos
	Parts []Part // at least one
}

// Part is a part of a member, between dots.
type Part struct {
	At     Pos
	Text   string // without quotes and escapes
	Quoted bool

	pattern []string // Text, cut at wildcards
}

// Call is a function call.
type Call struct {
	At   Pos
	Name string // with dots
	Args []Operand
}

// Pos returns the position of the first operand.
func (e *And) Pos() Pos { return e.Operands[0].Pos() }

// Pos returns the position of the first operand.
func (e *Or) Pos() Pos { return e.Operands[0].Pos() }

// Pos returns the position of the NOT or the minus.
func (e *Not) Pos() Pos { return e.At }

// Pos returns the position of the left side.
func (e *Restriction) Pos() Pos { return e.Left.Pos() }

// Pos returns the start of the member.
func (m *Member) Pos() Pos { return m.At }

// Pos returns the start of the function's name.
func (c *Call) Pos() Pos { return c.At }

func (*And) isExpr() {}

func (*Or) isExpr() {}

func (*Not) isExpr() {}

func (*Restriction) isExpr() {}

func (*Member) isOperand() {}

func (*Call) isOperand() {}

// Path returns the parts joined with dots: "a.b". For a literal, it is the text.
func (m *Member) Path() string {
	if len(m.Parts) == 1 {
		return m.Parts[0].Text
	}
	texts := make([]string, len(m.Parts))
	for i, part := range m.Parts {
		texts[i] = part.Text
	}
	return strings.Join(texts, ".")
}

// Quoted reports whether a part is quoted, so that a literal is always a string.
func (m *Member) Quoted() bool {
	for _, part := range m.Parts {
		if part.Quoted {
			return true
		}
	}
	return false
}

// Pattern returns the text of a literal, split at its wildcards: "a*b" is {"a", "b"}, "*.go" is
// {"", ".go"}, and a text without wildcards is a single element.
func (m *Member) Pattern() []string {
	pattern := m.Parts[0].pattern
	for _, part := range m.Parts[1:] {
		joined := append([]string{}, pattern...)
		joined[len(joined)-1] += "." + part.pattern[0]
		pattern = append(joined, part.pattern[1:]...)
	}
	return pattern
}

// orders reports whether the comparator requires an order, not just equality.
func (op Op) orders() bool { return op != Equals && op != NotEquals && op != Has }

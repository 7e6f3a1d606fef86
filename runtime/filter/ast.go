package filter

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Pos is a place in the text of a filter: the offset of a byte.
type Pos int

// Expr is a part of a filter that is true or false of a message: [*And], [*Or], [*Not] or [*Restriction]. Its String is a
// filter that means the same.
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

// And is true where all its operands are, of which there are at least two.
type And struct{ Operands []Expr }

// Or is true where one of its operands is, of which there are at least two.
type Or struct{ Operands []Expr }

// Not is true where its operand is not.
type Not struct {
	At      Pos
	Operand Expr
}

// Restriction is a comparison. Where Op is [Bare] it is the left side alone: a call, or a literal to search for.
//
// A restriction whose right side is an expression, field = (a OR b), is none in the tree: it becomes field = a OR field = b.
type Restriction struct {
	Left  Operand
	Op    Op
	Right Operand // nil where Op is Bare

	// Field is the last field on the path of Left. It is set by [Schema.Parse], unless Left is not a field of the message, or
	// is within a google.protobuf.Any or behind a google.protobuf.Value, whose fields are known only in a message.
	Field protoreflect.FieldDescriptor
	// Value is the literal on the right as a value of the field: string, bool, int64, uint64, float64,
	// protoreflect.EnumNumber, time.Time or time.Duration. It is nil where Field is, where the literal is null or the * of
	// field:*, and where it names a field of the message that Field is. [Member.Pattern] has the wildcards of strings.
	Value any

	manifold bool // it looks into a list, a map or a message, so that the column of a row does not answer it
}

// Op is how a restriction compares.
type Op string

// The comparators.
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

// Member is the path of a field, or a literal: a.b, "text", 1.5. The two are spelled alike; left of a comparator it is a field,
// right of it a literal.
type Member struct {
	At    Pos
	Parts []Part // at least one
}

// Part is what is between two dots of a member.
type Part struct {
	At     Pos
	Text   string // without quotes and escapes
	Quoted bool

	pattern []string // Text, cut at wildcards
}

// Call is a function with its arguments.
type Call struct {
	At   Pos
	Name string // with dots
	Args []Operand
}

// Pos returns where the first operand is.
func (e *And) Pos() Pos { return e.Operands[0].Pos() }

// Pos returns where the first operand is.
func (e *Or) Pos() Pos { return e.Operands[0].Pos() }

// Pos returns where the NOT or the minus is.
func (e *Not) Pos() Pos { return e.At }

// Pos returns where the left side is.
func (e *Restriction) Pos() Pos { return e.Left.Pos() }

// Pos returns where the member begins.
func (m *Member) Pos() Pos { return m.At }

// Pos returns where the name of the function begins.
func (c *Call) Pos() Pos { return c.At }

func (*And) isExpr()         {}
func (*Or) isExpr()          {}
func (*Not) isExpr()         {}
func (*Restriction) isExpr() {}

func (*Member) isOperand() {}
func (*Call) isOperand()   {}

// Path returns the parts with dots between them: "a.b". Of a literal it is the text.
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

// Quoted says whether a part is quoted, so that a literal is a string in any case.
func (m *Member) Quoted() bool {
	for _, part := range m.Parts {
		if part.Quoted {
			return true
		}
	}
	return false
}

// Pattern returns the text of a literal, cut at its wildcards: "a*b" is {"a", "b"}, "*.go" is {"", ".go"}, and a text without
// wildcards is itself alone.
func (m *Member) Pattern() []string {
	pattern := m.Parts[0].pattern
	for _, part := range m.Parts[1:] {
		joined := append([]string{}, pattern...)
		joined[len(joined)-1] += "." + part.pattern[0]
		pattern = append(joined, part.pattern[1:]...)
	}
	return pattern
}

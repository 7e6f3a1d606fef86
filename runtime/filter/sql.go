package filter

import (
	"fmt"
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Dialect is the SQL dialect of a database.
type Dialect int

// The supported databases. Conditions are tested to accept the same rows as [Filter.Match].
const (
	PostgreSQL Dialect = iota + 1 // $1, $2, …
	SQLite                        // ?, ?, …
)

// SQL returns the filter as a parenthesized condition for a database query, and the values of its
// placeholders. before is the number of placeholders before them in the query:
//
//	where, args, err := f.SQL(filter.PostgreSQL, map[string]string{"name": "u.name", "address.city": "a.city"}, 1)
//	…
//	rows, err := db.QueryContext(ctx, "SELECT … FROM users u … WHERE u.tenant = $1 AND "+where, append([]any{tenant}, args...)...)
//
// columns maps field paths to the names in the query. Values are string, bool, int64, float64,
// []byte, protoreflect.EnumNumber, time.Time in UTC and time.Duration. The text never contains
// values or names from the filter. An empty filter accepts all rows.
//
// A NULL column is an absent field, so that the condition accepts the same rows as
// [Filter.Match]. For that, strings are ordered by their bytes, wildcards are case-sensitive, and
// NaN has no order. Times must be stored in UTC. A column whose collation treats different
// strings as equal needs a COLLATE in columns.
//
// The error is INVALID_ARGUMENT, like that of [Schema.Parse], for: a field without a column, a
// list, a map, a function, a single word, an integer above the maximum int64, and a time more
// precise than a microsecond, the precision of columns. Give the schema the same fields and no
// search, so that its errors list what is available.
func (f *Filter) SQL(dialect Dialect, columns map[string]string, before int) (text string, args []any, err error) {
	if f.expr == nil {
		return "(1 = 1)", nil, nil
	}
	w := sqlWriter{dialect: dialect, columns: columns, before: before}
	if fault := w.expr(f.expr); fault != nil {
		return "", nil, fault.status(f.field, f.source)
	}
	return w.text.String(), w.args, nil
}

// sqlWriter builds the condition.
type sqlWriter struct {
	dialect Dialect
	columns map[string]string
	before  int
	text    strings.Builder
	args    []any
}

func (w *sqlWriter) expr(expr Expr) *fault {
	switch e := expr.(type) {
	case *And:
		return w.operands(e.Operands, " AND ")
	case *Or:
		return w.operands(e.Operands, " OR ")
	case *Not:
		w.text.WriteString("(NOT ")
		defer w.text.WriteByte(')')
		return w.expr(e.Operand)
	case *Restriction:
		return w.restriction(e)
	}
	return faultf(expr.Pos(), "%s cannot be expressed in SQL", quote(expr.String()))
}

// operands writes operands as a balanced tree, because SQLite limits the depth of expressions.
func (w *sqlWriter) operands(operands []Expr, operator string) *fault {
	if len(operands) == 1 {
		return w.expr(operands[0])
	}
	half := len(operands) / 2
	w.text.WriteByte('(')
	if err := w.operands(operands[:half], operator); err != nil {
		return err
	}
	w.text.WriteString(operator)
	if err := w.operands(operands[half:], operator); err != nil {
		return err
	}
	w.text.WriteByte(')')
	return nil
}

func (w *sqlWriter) restriction(r *Restriction) *fault {
	left, _ := r.Left.(*Member)
	right, _ := r.Right.(*Member)
	if left == nil || right == nil || r.Field == nil || r.manifold || r.Field.Cardinality() == protoreflect.Repeated {
		return faultf(r.Pos(), "%s cannot be expressed in SQL", quote(r.String()))
	}
	column, ok := w.columns[left.Path()]
	switch {
	case !ok:
		return faultf(r.Pos(), "no field %s to filter by", quote(left.Path()))
	case r.Value != nil:
		return w.comparison(column, r, right)
	case r.Op == Has && !r.Field.HasPresence() && r.Field.Kind() == protoreflect.BytesKind:
		// Drivers send a nil slice as NULL
		fmt.Fprintf(&w.text, "(%s IS NOT NULL AND length(%[1]s) > 0)", column)
	case r.Op == Has && !r.Field.HasPresence():
		w.unlessNull(column, "<>", zeroOf(r.Field))
	case r.Op == Equals:
		w.text.WriteString("(" + column + " IS NULL)")
	default:
		w.text.WriteString("(" + column + " IS NOT NULL)")
	}
	return nil
}

// comparison writes the comparison of a column with a literal.
func (w *sqlWriter) comparison(column string, r *Restriction, right *Member) *fault {
	value, fault := stored(r.Value, right)
	if fault != nil {
		return fault
	}
	pattern := right.Pattern()
	like := len(pattern) > 1 && !r.Op.orders()
	_, isText := value.(string)
	_, isFloat := value.(float64)
	switch {
	case like:
		w.like(column, pattern, r.Op == NotEquals)
	case r.Op == NotEquals:
		w.orNull(column, "<>", value)
	case r.Op == Has:
		w.unlessNull(column, "=", value)
	case isText && r.Op.orders():
		fmt.Fprintf(&w.text, "(%s IS NOT NULL AND %[1]s%s %s %s)", column, w.dialect.byBytes(), r.Op, w.arg(value))
	case isFloat && (r.Op == Greater || r.Op == GreaterOrEqual):
		// PostgreSQL orders NaN after every other number
		fmt.Fprintf(&w.text, "(%s IS NOT NULL AND %[1]s %s %s AND %[1]s <= %[4]s)", column, r.Op, w.arg(value), w.arg(math.Inf(1)))
	default:
		w.unlessNull(column, string(r.Op), value)
	}
	return nil
}

// stored returns the value in the form in which columns store it.
func stored(value any, literal *Member) (any, *fault) {
	switch v := value.(type) {
	case uint64:
		if v > math.MaxInt64 {
			return nil, faultf(literal.At, "%s is out of range: the largest integer of the database is %d", brief(literal), int64(math.MaxInt64))
		}
		return int64(v), nil
	case time.Time:
		if v.Nanosecond()%int(time.Microsecond) != 0 {
			return nil, faultf(literal.At, "%s is more precise than the times of the database; leave out the digits after the microseconds", brief(literal))
		}
	}
	return value, nil
}

// byBytes returns the suffix of a column that makes texts compare by their bytes, as in Go.
func (d Dialect) byBytes() string {
	if d == SQLite {
		return " COLLATE BINARY"
	}
	return ` COLLATE "C"`
}

// like writes a comparison with a pattern.
func (w *sqlWriter) like(column string, pattern []string, not bool) {
	// Not a backslash, which databases treat differently
	operator, text, escape := "LIKE", likePattern(pattern), " ESCAPE '!'"
	if w.dialect == SQLite { // whose LIKE ignores case
		operator, text, escape = "GLOB", globPattern(pattern), ""
	}
	if not {
		fmt.Fprintf(&w.text, "(%s IS NULL OR %[1]s NOT %s %s%s)", column, operator, w.arg(text), escape)
		return
	}
	fmt.Fprintf(&w.text, "(%s IS NOT NULL AND %[1]s %s %s%s)", column, operator, w.arg(text), escape)
}

// unlessNull writes a comparison that is false for NULL; a comparison that is NULL would remain
// NULL under a NOT. The column stands alone on its side of the comparator, so that the database can
// use an index.
func (w *sqlWriter) unlessNull(column, operator string, value any) {
	fmt.Fprintf(&w.text, "(%s IS NOT NULL AND %[1]s %s %s)", column, operator, w.arg(value))
}

// orNull writes a comparison that is true for NULL.
func (w *sqlWriter) orNull(column, operator string, value any) {
	fmt.Fprintf(&w.text, "(%s IS NULL OR %[1]s %s %s)", column, operator, w.arg(value))
}

// arg appends a value and returns its placeholder.
func (w *sqlWriter) arg(value any) string {
	w.args = append(w.args, value)
	if w.dialect == SQLite {
		return "?"
	}
	return fmt.Sprintf("$%d", w.before+len(w.args))
}

// likePattern returns the pattern for LIKE.
func likePattern(pattern []string) string {
	return joinEscaped(pattern, "%", strings.NewReplacer("!", "!!", "%", "!%", "_", "!_"))
}

// globPattern returns the pattern for GLOB.
func globPattern(pattern []string) string {
	return joinEscaped(pattern, "*", strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]"))
}

func joinEscaped(pattern []string, wildcard string, replacer *strings.Replacer) string {
	escaped := make([]string, len(pattern))
	for i, piece := range pattern {
		escaped[i] = replacer.Replace(piece)
	}
	return strings.Join(escaped, wildcard)
}

// zeroOf returns the zero value of a scalar field, in the type of [Restriction.Value].
func zeroOf(field protoreflect.FieldDescriptor) any {
	switch zero := field.Default().Interface().(type) {
	case int32:
		return int64(zero)
	case uint32:
		return int64(zero)
	case uint64:
		return int64(0)
	case float32:
		return float64(zero)
	default:
		return zero
	}
}

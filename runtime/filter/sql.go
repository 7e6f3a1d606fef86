package filter

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// SQL returns the filter as a condition for an SQL query, in brackets, and the values of its placeholders. The query has so many
// before:
//
//	where, args, err := f.SQL(map[string]string{"name": "u.name", "address.city": "a.city"}, page.Dollar, 1)
//	…
//	rows, err := db.QueryContext(ctx, "SELECT … FROM users u … WHERE u.tenant = $1 AND "+where, append([]any{tenant}, args...)...)
//
// Columns has, for the paths of fields, what the query calls them. Placeholder writes the nth value, from 1: page.Dollar,
// page.Question. Values are string, bool, int64, uint64, float64, protoreflect.EnumNumber, time.Time and time.Duration. No value and
// no name of the filter gets into the text. A filter that is empty lets all rows pass.
//
// A column that is NULL is a field that is not there, so that rows pass that [Filter.Match] is true of. The two differ where the
// database thinks otherwise of the order of strings, of equal strings, or of how exact a time is.
//
// A field without a column, a list, a map, a function and a word that stands alone are INVALID_ARGUMENT, as an error of
// [Schema.Parse]. Give the schema the same fields, and no search, so that its errors list what there is.
func (f *Filter) SQL(columns map[string]string, placeholder func(n int) string, before int) (text string, args []any, err error) {
	if f.expr == nil {
		return "(1 = 1)", nil, nil
	}
	w := sqlWriter{columns: columns, placeholder: placeholder, before: before}
	if fault := w.expr(f.expr); fault != nil {
		return "", nil, fault.status(f.field, f.source)
	}
	return w.text.String(), w.args, nil
}

// sqlWriter writes the condition.
type sqlWriter struct {
	columns     map[string]string
	placeholder func(n int) string
	before      int
	text        strings.Builder
	args        []any
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
	return faultf(expr.Pos(), "%s cannot be asked of the database", quote(expr.String()))
}

func (w *sqlWriter) operands(operands []Expr, operator string) *fault {
	for i, operand := range operands {
		w.text.WriteString(map[bool]string{true: "(", false: operator}[i == 0])
		if err := w.expr(operand); err != nil {
			return err
		}
	}
	w.text.WriteByte(')')
	return nil
}

func (w *sqlWriter) restriction(r *Restriction) *fault {
	left, _ := r.Left.(*Member)
	right, _ := r.Right.(*Member)
	if left == nil || right == nil || r.Field == nil || r.manifold || r.Field.Cardinality() == protoreflect.Repeated {
		return faultf(r.Pos(), "%s cannot be asked of the database", quote(r.String()))
	}
	column, ok := w.columns[left.Path()]
	switch {
	case !ok:
		return faultf(r.Pos(), "no field %s to filter by", quote(left.Path()))
	case r.Value != nil:
		w.comparison(column, r, right)
	case r.Op == Has && !r.Field.HasPresence():
		w.unlessNull(column, "<>", zeroOf(r.Field))
	case r.Op == Equals:
		w.text.WriteString("(" + column + " IS NULL)")
	default:
		w.text.WriteString("(" + column + " IS NOT NULL)")
	}
	return nil
}

// comparison writes what compares a column with a literal.
func (w *sqlWriter) comparison(column string, r *Restriction, right *Member) {
	pattern := right.Pattern()
	like := len(pattern) > 1 && !r.Op.orders()
	switch {
	case r.Op == NotEquals && like:
		w.orNull(column, "NOT LIKE", likePattern(pattern))
	case r.Op == NotEquals:
		w.orNull(column, "<>", r.Value)
	case like:
		w.unlessNull(column, "LIKE", likePattern(pattern))
	case r.Op == Has:
		w.unlessNull(column, "=", r.Value)
	default:
		w.unlessNull(column, string(r.Op), r.Value)
	}
}

// unlessNull writes a comparison that is false of NULL, and not NULL, which would stay so through a NOT. The column is alone
// beside the comparator, so that an index finds it.
func (w *sqlWriter) unlessNull(column, operator string, value any) {
	fmt.Fprintf(&w.text, "(%s IS NOT NULL AND %s %s %s)", column, column, operator, w.arg(operator, value))
}

// orNull writes a comparison that is true of NULL.
func (w *sqlWriter) orNull(column, operator string, value any) {
	fmt.Fprintf(&w.text, "(%s IS NULL OR %s %s %s)", column, column, operator, w.arg(operator, value))
}

// arg adds a value and returns what is right of the comparator.
func (w *sqlWriter) arg(operator string, value any) string {
	w.args = append(w.args, value)
	placeholder := w.placeholder(w.before + len(w.args))
	if strings.HasSuffix(operator, "LIKE") {
		return placeholder + " ESCAPE '!'" // not a backslash, which databases disagree about
	}
	return placeholder
}

// likePattern returns a pattern for LIKE.
func likePattern(pattern []string) string {
	escaped := make([]string, len(pattern))
	for i, piece := range pattern {
		escaped[i] = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(piece)
	}
	return strings.Join(escaped, "%")
}

// zeroOf returns the zero value of a scalar, of the type that [Restriction.Value] has.
func zeroOf(field protoreflect.FieldDescriptor) any {
	switch zero := field.Default().Interface().(type) {
	case int32:
		return int64(zero)
	case uint32:
		return uint64(zero)
	case float32:
		return float64(zero)
	default:
		return zero
	}
}

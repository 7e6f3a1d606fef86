package page_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/grpcservice/grpcservice/runtime/page"
)

// query evaluates a condition over the rows, and orders and limits what passes, as a database
// would.
func (t table) query(where string, args []any, orderBy string, limit int) ([]row, error) {
	o, err := parseOrderBy(orderBy)
	if err != nil {
		return nil, err
	}
	var rows []row
	condition := words(where)
	for _, r := range t {
		e := evaluator{words: condition, row: r, args: args}
		passes := e.or()
		if len(e.words) > 0 || e.err != nil {
			return nil, fmt.Errorf("%s: cannot be read at %v, %v", where, e.words, e.err)
		}
		if passes == yes {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, o.compare)
	return rows[:min(limit, len(rows))], nil
}

// parseOrderBy reads what stands behind ORDER BY.
func parseOrderBy(text string) (o ordering, err error) {
	for _, part := range strings.Split(text, ", ") {
		words := strings.Fields(part)
		c := page.Column{Name: words[0]}
		switch rest := strings.Join(words[1:], " "); rest {
		case "", "DESC":
			c.Desc = rest == "DESC"
		case "NULLS FIRST", "DESC NULLS FIRST":
			c.Desc, c.Nulls = strings.HasPrefix(rest, "DESC"), page.NullsFirst
		case "NULLS LAST", "DESC NULLS LAST":
			c.Desc, c.Nulls = strings.HasPrefix(rest, "DESC"), page.NullsLast
		default:
			return nil, fmt.Errorf("ORDER BY %s: what is %s", text, rest)
		}
		o = append(o, c)
	}
	return o, nil
}

// words splits a condition.
func words(text string) []string {
	return strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text))
}

// truth is a truth value of SQL; its order is that of AND and OR.
type truth int

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// evaluator evaluates a condition for a row.
type evaluator struct {
	words []string
	row   row
	args  []any
	err   error
}

// take removes the next word.
func (e *evaluator) take() string {
	if len(e.words) == 0 {
		e.err = fmt.Errorf("it ends too early")
		return ""
	}
	word := e.words[0]
	e.words = e.words[1:]
	return word
}

// next reports whether the next word is that one, and removes it then.
func (e *evaluator) next(word string) bool {
	if len(e.words) == 0 || e.words[0] != word {
		return false
	}
	e.words = e.words[1:]
	return true
}

func (e *evaluator) or() truth {
	result := e.and()
	for e.err == nil && e.next("OR") {
		result = max(result, e.and())
	}
	return result
}

func (e *evaluator) and() truth {
	result := e.term()
	for e.err == nil && e.next("AND") {
		result = min(result, e.term())
	}
	return result
}

func (e *evaluator) term() truth {
	if e.next("(") {
		result := e.or()
		if !e.next(")") {
			e.err = fmt.Errorf("a parenthesis is not closed")
		}
		return result
	}
	left := e.value(e.take())
	if e.next("IS") {
		not := e.next("NOT")
		if e.take() != "NULL" {
			e.err = fmt.Errorf("IS what")
		}
		return truthOf((left == nil) != not)
	}
	operator := e.take()
	return e.compare(left, operator, e.value(e.take()))
}

// value returns that of a column, a placeholder or a number.
func (e *evaluator) value(word string) any {
	if n, ok := strings.CutPrefix(word, "$"); ok {
		i, err := strconv.Atoi(n)
		if err != nil || i < 1 || i > len(e.args) {
			e.err = fmt.Errorf("there is no argument %s", word)
			return nil
		}
		return e.args[i-1]
	}
	if n, err := strconv.ParseInt(word, 10, 64); err == nil {
		return n
	}
	value := e.row.column(word)
	if name, ok := value.(*string); ok {
		if name == nil {
			return nil
		}
		return *name
	}
	return value
}

// compare compares as SQL does: NULL with anything is not known.
func (e *evaluator) compare(left any, operator string, right any) truth {
	if left == nil || right == nil {
		return unknown
	}
	var order int
	switch left := left.(type) {
	case int64:
		order = cmp.Compare(left, right.(int64))
	case string:
		order = cmp.Compare(left, right.(string))
	}
	switch operator {
	case "=":
		return truthOf(order == 0)
	case "<":
		return truthOf(order < 0)
	case ">":
		return truthOf(order > 0)
	case "<=":
		return truthOf(order <= 0)
	case ">=":
		return truthOf(order >= 0)
	}
	e.err = fmt.Errorf("what is %s", operator)
	return no
}

package filter_test

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/filter"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

func TestParse(t *testing.T) {
	tests := map[string]string{ // maps a filter to its tree, with brackets
		`a = 1`:                   `a = 1`,
		`  a=1  `:                 `a = 1`,
		`a<1 b<=2 c>3 d>=4 e!=5`:  `(a < 1 AND b <= 2 AND c > 3 AND d >= 4 AND e != 5)`,
		`a:b`:                     `a:b`,
		`a : *`:                   `a:*`,
		`a.b.c = "x.y"`:           `a.b.c = "x.y"`,
		`a."b c".AND = 1`:         `a."b c".AND = 1`,
		`a AND b OR c`:            `(a AND (b OR c))`,
		`a OR b AND c`:            `((a OR b) AND c)`,
		`a b AND c d`:             `(a AND b AND c AND d)`,
		`New York Giants OR Jets`: `(New AND York AND (Giants OR Jets))`,
		`(a b) AND c`:             `((a AND b) AND c)`,
		`(a)AND(b)`:               `(a AND b)`,
		`((a))`:                   `a`,
		`NOT a`:                   `NOT a`,
		`NOT(a OR b)`:             `NOT (a OR b)`,
		`-a`:                      `NOT a`,
		`-30`:                     `NOT 30`,
		`-file:".java"`:           `NOT file:".java"`,
		`-(a b)`:                  `NOT (a AND b)`,
		`NOT (NOT a)`:             `NOT (NOT a)`,
		`NOT -a`:                  `NOT -a`,
		`a = -30`:                 `a = -30`,
		`a-b = c-d`:               `a-b = c-d`,
		`a > 2.997e9`:             `a > 2.997e9`,
		`a = com.google`:          `a = com.google`,
		`t >= 2012-04-21T11:30:00.5-04:00 AND b:c`: `(t >= 2012-04-21T11:30:00.5-04:00 AND b:c)`,
		`t = 11:30 u:v`:              `(t = 11:30 AND u:v)`,
		`a = (b OR "c d")`:           `(a = b OR a = "c d")`,
		`a:(b -c)`:                   `(a:b AND a:-c)`,
		`a:(b NOT c)`:                `(a:b AND NOT a:c)`,
		`a = (-3)`:                   `a = -3`,
		`a = (-3 OR 4)`:              `(a = -3 OR a = 4)`,
		`a > (-4 OR (10 OR -1.5e3))`: `(a > -4 OR (a > 10 OR a > -1.5e3))`,
		`a = (-1.5s OR -x)`:          `(a = -1.5s OR a = -x)`,
		`a = -(b)`:                   `a = -(b)`,
		`a = (-(b OR c))`:            `NOT (a = b OR a = c)`,
		`a = (11:30 OR 12:30) -b`:    `((a = 11:30 OR a = 12:30) AND NOT b)`,
		`t > (2012-04-21T11:30:00Z)`: `t > 2012-04-21T11:30:00Z`,
		`a = (!b OR b.c)`:            `(a = !b OR a = b.c)`,
		`(a:(b OR c) -d)`:            `((a:b OR a:c) AND NOT d)`,
		`a = 'it\'s' b='"'`:          `(a = "it's" AND b = "\"")`,
		`a = "\d\\\*\n\t"`:           `a = "\\d\\\*\n\t"`,
		`a = "*x*"`:                  `a = "*x*"`,
		`f()`:                        `f()`,
		`f(a.b, "c", 11:30, g(-1))`:  `f(a.b, "c", 11:30, g(-1))`,
		`m.f(x) AND a = 1`:           `(m.f(x) AND a = 1)`,
		`a <= f(b.c)`:                `a <= f(b.c)`,
		`a (b)`:                      `(a AND b)`,
		`müller = "ö"`:               `müller = "ö"`,
		`hello! a!=b`:                `(hello! AND a != b)`,
	}
	for text, want := range tests {
		expr, err := filter.Parse("filter", text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := expr.String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

func TestEmptyFilterHasNoTree(t *testing.T) {
	for _, text := range []string{"", " \t\n"} {
		if expr, err := filter.Parse("filter", text); expr != nil || err != nil {
			t.Errorf("%q is %v, %v", text, expr, err)
		}
	}
}

func TestParseFaults(t *testing.T) {
	tests := []struct{ text, want string }{
		{`a =`, `column 4: the filter ends where something is missing`},
		{`a = "b`, `column 5: the string that begins here does not end; a closing " is missing`},
		{"a = \"b\x00\"", `column 7: the character U+0000 cannot stand in a filter`},
		{`ä = ü AND`, `column 10: the filter ends where something is missing`},
		{`a == 1`, `column 3: "==" is not a comparator; write "="`},
		{`a = b = c`, `column 7: "=" cannot stand here; put text in quotes`},
		{`(a`, `column 1: the bracket that opens here is not closed`},
		{`f(a`, `column 2: the bracket that opens here is not closed`},
		{`f(a b)`, `column 5: "b" cannot stand here`},
		{`f(,)`, `column 3: "," cannot stand here; put text in quotes`},
		{`a)`, `column 2: ")" cannot stand here; put text in quotes`},
		{`()`, `column 2: ")" cannot stand here; put text in quotes`},
		{`a"b"`, `column 2: there must be a space here, or quotes around what is text`},
		{`a = 1 and b = 2`, `column 7: "and" is not an operator; write AND, or put a word to search for in quotes`},
		{`a || b`, `column 3: "||" is not an operator; write OR, or put a word to search for in quotes`},
		{`!a`, `column 1: "!" is not an operator; write NOT, or put a word to search for in quotes`},
		{`AND a`, `column 1: AND cannot stand here; put a word that is not an operator in quotes`},
		{`NOT NOT a`, `column 5: NOT cannot stand here; put a word that is not an operator in quotes`},
		{`state = OR`, `column 9: OR cannot stand here; put a word that is not an operator in quotes`},
		{`- a`, `column 1: a minus stands right before what it negates: -name = "x"; to search for it, write "-"`},
		{`a. b`, `column 4: a name is missing after the dot; put text in quotes`},
		{`a = b.`, `column 7: a name is missing after the dot; put text in quotes`},
		{`a = .5`, `column 5: "." cannot stand here; put text in quotes`},
		{`a = (b c = d)`, `column 8: a comparison cannot be compared; right of "=" there may be literals with AND, OR and NOT`},
		{strings.Repeat("(", filter.MaxDepth+1) + "a", `column 33: brackets are nested deeper than 32`},
		{strings.Repeat("a ", filter.MaxTerms+1), `column 2001: the filter has more than 1000 comparisons`},
		{strings.Repeat("a", filter.MaxLength+1), `column 8193: the filter has 8193 bytes; the maximum is 8192`},
		{strings.Repeat("f(", filter.MaxDepth+1), `column 66: brackets are nested deeper than 32`},
		{"a" + strings.Repeat(".a", filter.MaxDepth) + " = 1", `column 65: the path has more than 32 names; put text in quotes`},
		{`a, b`, `column 2: "," cannot stand here; put text in quotes`},
	}
	for _, test := range tests {
		_, err := filter.Parse("filter", test.text)
		wantFault(t, test.text, err, test.want)
	}
}

// wantFault checks that err is the error for an invalid filter.
func wantFault(t *testing.T, text string, err error, want string) {
	t.Helper()
	if err == nil {
		t.Errorf("%.80s: no error, want %s", text, want)
		return
	}
	if got := strings.TrimPrefix(status.Convert(err).Message(), "filter: "); got != want {
		t.Errorf("%.80s:\ngot  %s\nwant %s", text, got, want)
	}
}

func TestFaultSaysWhere(t *testing.T) {
	_, err := filter.Parse("query.filter", `ä = 1 or b`)
	if code, reason := status.Code(err), rpcerr.ReasonOf(err); code != codes.InvalidArgument || reason != filter.ReasonInvalid {
		t.Errorf("got %v, %v", code, reason)
	}
	var column, field, description string
	for _, detail := range status.Convert(err).Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			column = d.GetMetadata()["column"]
		case *errdetails.BadRequest:
			field, description = d.GetFieldViolations()[0].GetField(), d.GetFieldViolations()[0].GetDescription()
		}
	}
	if column != "7" || field != "query.filter" || !strings.HasPrefix(description, `column 7: "or" is not an operator`) {
		t.Errorf("got column %q, field %q, description %q", column, field, description)
	}
}

func TestPositions(t *testing.T) {
	const text = `ab = "c" AND NOT f(d)`
	expr, err := filter.Parse("filter", text)
	if err != nil {
		t.Fatal(err)
	}
	operands := expr.(*filter.And).Operands
	comparison, not := operands[0].(*filter.Restriction), operands[1].(*filter.Not)
	call := not.Operand.(*filter.Restriction).Left.(*filter.Call)
	for _, at := range []struct {
		got  filter.Pos
		want string
	}{{expr.Pos(), "ab"}, {comparison.Right.Pos(), `"c"`}, {not.Pos(), "NOT"}, {call.Pos(), "f("}, {call.Args[0].Pos(), "d"}} {
		if !strings.HasPrefix(text[at.got:], at.want) {
			t.Errorf("at %d is %q, want %q", at.got, text[at.got:], at.want)
		}
	}
}

func TestPattern(t *testing.T) {
	for text, want := range map[string]string{
		`"a*b"`: "a|b", `"*"`: "|", `"a\*b"`: "a*b", `*.foo`: "|.foo", `a.*.b*`: "a.|.b|", `'x'`: "x", `"a"."*b"`: "a.|b",
	} {
		expr, err := filter.Parse("filter", "f = "+text)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(expr.(*filter.Restriction).Right.(*filter.Member).Pattern(), "|"); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// FuzzParse checks that the String of a tree parses to the same tree.
func FuzzParse(f *testing.F) {
	for _, text := range []string{`a = 1 AND -b:c OR NOT f(x, "y\*")`, `a:(b OR (c d))`, `t > 11:30 'x' NOT (NOT -a)`, `a."b".c<=*`, `--a`, `a=:b`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		expr, err := filter.Parse("filter", text)
		if err != nil && rpcerr.ReasonOf(err) != filter.ReasonInvalid {
			t.Fatalf("the reason is %v", rpcerr.ReasonOf(err))
		}
		if err != nil || expr == nil {
			return
		}
		spelled := expr.String()
		again, err := filter.Parse("filter", spelled)
		if err != nil {
			if len(spelled) > len(text) { // the brackets that String adds may exceed the limits
				return
			}
			t.Fatalf("%q is spelled %q: %v", text, spelled, err)
		}
		if again.String() != spelled {
			t.Fatalf("%q is spelled %q, and that %q", text, spelled, again)
		}
	})
}

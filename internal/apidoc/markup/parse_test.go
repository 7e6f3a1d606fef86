package markup_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	. "github.com/grpcservice/grpcservice/internal/apidoc/markup"
)

// TestParse checks the blocks and spans of comments.
func TestParse(t *testing.T) {
	link := func(text, url string) Span { return Span{Text: text, URL: url} }
	for name, test := range map[string]struct {
		comment string
		want    Text
	}{
		"nothing":     {"", nil},
		"lines":       {"One\ntwo.\n\nThree.", Text{{Paragraph: []Span{Plain("One two.")}}, {Paragraph: []Span{Plain("Three.")}}}},
		"list":        {"- one\n  more\n* two\n\nEnd", Text{{List: []Item{{Spans: []Span{Plain("one more")}}, {Spans: []Span{Plain("two")}}}}, {Paragraph: []Span{Plain("End")}}}},
		"numbers":     {"1. one\n2) two", Text{{List: []Item{{Number: "1.", Spans: []Span{Plain("one")}}, {Number: "2)", Spans: []Span{Plain("two")}}}}}},
		"a year":      {"1986. A year", Text{{Paragraph: []Span{Plain("1986. A year")}}}},
		"indented":    {"So:\n\n    a\n\n      b\n\nEnd", Text{{Paragraph: []Span{Plain("So:")}}, {Code: []string{"a", "", "  b"}}, {Paragraph: []Span{Plain("End")}}}},
		"fenced":      {"```go\na\n~~~\n```\nb", Text{{Code: []string{"a", "~~~"}}, {Paragraph: []Span{Plain("b")}}}},
		"not closed":  {"~~~\na", Text{{Code: []string{"a"}}}},
		"code":        {"a `b` ``c`d`` `e", Text{{Paragraph: []Span{Plain("a "), Code("b"), Plain(" "), Code("c`d"), Plain(" `e")}}}},
		"html":        {"<script>a</script>", Text{{Paragraph: []Span{Plain("<script>a</script>")}}}},
		"links":       {"[a](https://b.c/d) <https://e.f> https://g.h/i.", Text{{Paragraph: []Span{link("a", "https://b.c/d"), Plain(" "), link("https://e.f", "https://e.f"), Plain(" "), link("https://g.h/i", "https://g.h/i"), Plain(".")}}}},
		"other links": {"[a](javascript:b) <data:c> ahttps://d", Text{{Paragraph: []Span{Plain("[a](javascript:b) <data:c> ahttps://d")}}}},
		"references":  {"[Book][a.v1.Book], [`Book`][] and [a b][]", Text{{Paragraph: []Span{{Text: "Book", Ref: "a.v1.Book"}, Plain(", "), {Text: "Book", IsCode: true, Ref: "Book"}, Plain(" and [a b][]")}}}},
	} {
		if diff := cmp.Diff(test.want, Parse(strings.Split(test.comment, "\n"))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestParseTakesLinearTime checks that large comments of unclosed spans are read quickly.
func TestParseTakesLinearTime(t *testing.T) {
	const size = 200_000
	start := time.Now()
	for _, unit := range []string{"`", "``` ", "` `` ", "[", "[a](", "[a][", "<", "h", "https://", "- a\n", "```\n", "1) "} {
		text := strings.Repeat(unit, size/len(unit))
		Parse(strings.Split(text, "\n"))
	}
	if took := time.Since(start); took > time.Minute { // quadratic time takes hours
		t.Errorf("it took %v", took)
	}
}

// TestSummary checks where the first sentence ends.
func TestSummary(t *testing.T) {
	for text, want := range map[string]string{
		"One. Two.":                   "One.",
		"No end":                      "No end",
		"A book, e.g. one. Two.":      "A book, e.g. one.",
		"Version 1.5 of it. Next.":    "Version 1.5 of it.",
		"Calls `a. b` first. Second.": "Calls a. b first.",
		"See a. b is lower. C.":       "See a. b is lower.",
	} {
		var got strings.Builder
		for _, s := range Parse([]string{text}).Summary() {
			got.WriteString(s.Text)
		}
		if got.String() != want {
			t.Errorf("the summary of %q is %q, want %q", text, &got, want)
		}
	}
}

// FuzzParse checks that parsing ends and keeps all letters of a comment.
func FuzzParse(f *testing.F) {
	f.Add("a `b` [c](https://d) - e\n\n    f\n```\ng\n```")
	f.Add("1. a\n   b\n2. c\n\n> [x][y.Z]")
	f.Fuzz(func(t *testing.T, comment string) {
		got := Parse(strings.Split(comment, "\n")).String()
		for _, r := range comment {
			if 'A' <= r && r <= 'Z' && !strings.ContainsRune(got, r) && !strings.Contains(comment, "```") &&
				!strings.Contains(comment, "~~~") && !strings.Contains(comment, "](") && !strings.Contains(comment, "][") {
				t.Fatalf("%q lost %q: %q", comment, r, got)
			}
		}
	})
}

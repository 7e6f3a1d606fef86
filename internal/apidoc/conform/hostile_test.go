package conform

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"golang.org/x/net/html"

	"github.com/grpcservice/grpcservice/internal/apidoc"
	"github.com/grpcservice/grpcservice/internal/apidoc/markup"
	"github.com/grpcservice/grpcservice/internal/apidoc/pages"
	"github.com/grpcservice/grpcservice/internal/model"
)

// hostile are comments that break out of what is around them, if a page does not escape them.
var hostile = []string{
	"a", "word word", "<script>alert(1)</script>", "</td></table></main><img src=x onerror=alert(1)>", "<!--", "-->", "<?php", "<![CDATA[",
	"<details>", "<https://example.com/<b>>", "<javascript:alert(1)>", "<a@example.com>", "&lt;b&gt;", "&#60;b&#62;", "&copy", "&amp;amp;",
	"`", "``", "```", "````go", "~~~", "~~~ html", "`a|b`", "``c`d``", "`\\|`", "`a` `b", "`` ` ``", "`<b>`", "` `", "`a  b`", "`\\`",
	"|", "| a | b |", "| --- | --- |", "--- | ---", ":--", "\\|", "\\", "\\\\", "a\\", "\\`", "\\<b>",
	"[a](javascript:alert(1))", "![a](https://example.com/a.png)", "[a](https://example.com/a(b)|c`d)", "](https://example.com)",
	"[a]: https://example.com", "[a][b]", "[^1]", "[^1]: note", "[ ] task", "[x] done", "- [ ] task", "- [x] done", "[!NOTE]", "> [!NOTE]",
	"https://example.com/a_b_c*d*|e&copy;=1&amp;x", "http://example.com/\"onclick=\"alert(1)", "https://example.com/'><b>", "www.example.com", "a@example.com",
	"# heading", "#", "###### six", "===", "---", "***", "* * *", "_ _ _", "> quote", ">", "- ", "-", "+", "*", "- a", "+ b", "* c", "  - nested", "    code",
	"\tcode", "    - code", "1. one", "1) one", "7. seven", "999. nine", "1986. A year", "1234567890. ten", "0. zero", "-5 below", "+1",
	"**bold**", "*em*", "__bold__", "_em_", "a_b_c", "_a", "a_", "~~gone~~", "~gone~", "$x$", "$$", "{{.}}", "{% raw %}", "${x}",
	"a\r", "a\rb", "\r# heading", "\rb|c", "`a\r# b`", "a\x00b", "a\x0bb", "a\x0cb", "a\u2028b", "a\u0085b", "\ufeffa", "\u200b", "\u200b# a", "\u00a0# a",
	"\u202eabc", "a\x1b[31mb", "\x7f", "é_ü", "日本_語", "\U0001f600", ":smile:", "@someone", "#123", "\t", " ", "  two", "a  ", "a\\  ",
}

var comments = flag.Int("comments", 150, "how many random comments to check")

// TestHostileComments checks that comments stay the text that they are, wherever they stand.
func TestHostileComments(t *testing.T) {
	var all [][]string
	for _, a := range hostile {
		all = append(all, []string{a}, []string{"a " + a + " b"}, []string{"- a", a, "- " + a}, []string{"1. " + a, "2. b"},
			[]string{"```", a, "```", a}, []string{"`" + a + "` b"}, []string{"[" + a + "](https://example.com)"})
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range *comments {
		lines := make([]string, 1+random.IntN(6))
		for i := range lines {
			for range 1 + random.IntN(3) {
				lines[i] += hostile[random.IntN(len(hostile))] + []string{"", " "}[random.IntN(2)]
			}
			if random.IntN(4) == 0 {
				lines[i] = ""
			}
		}
		all = append(all, lines)
	}
	failed := 0
	for _, lines := range all {
		lines = slices.Clone(lines)
		for i := range lines {
			lines[i] = strings.TrimRight(lines[i], " \t")
		}
		if !t.Run("", func(t *testing.T) { checkComment(t, lines) }) {
			if failed++; failed == 20 {
				t.Fatal("and so on")
			}
		}
	}
}

// TestControlCharacters checks texts that are no comments, such as messages of rules.
func TestControlCharacters(t *testing.T) {
	for c := range rune(0xa0) {
		if unicode.IsControl(c) && c != 0 {
			checkText(t, markup.Say("a"+string(c)+"# b ", markup.Code("c"+string(c)+"d"), string(c)+"- e"))
		}
	}
}

// TestLargeComments checks that large comments stay text, and that pages take linear time.
func TestLargeComments(t *testing.T) {
	start := time.Now()
	for _, a := range []string{"| a |", "- a", "`a|b` <b>", "```"} {
		lines := make([]string, 10_000)
		for i := range lines {
			lines[i] = a
		}
		checkComment(t, lines)
	}
	if took := time.Since(start); took > 5*time.Minute { // quadratic time takes hours
		t.Errorf("it took %v", took)
	}
}

// reference returns a reference with a comment in every place.
func reference(doc markup.Text) apidoc.Reference {
	message := apidoc.Message{Name: "M", FullName: "h.M", Doc: doc, Fields: []apidoc.Field{
		{Name: "a", Number: 1, Type: apidoc.Type{Name: "string"}, Doc: doc},
	}}
	fact := []apidoc.Fact{{Topic: "Fact", Text: []markup.Text{doc}}}
	payload := apidoc.Payload{Role: "Request", Type: apidoc.Type{Name: "M", Ref: "h.M"}}
	reason := apidoc.Reason{Names: []string{"A"}, Code: "NOT_FOUND", When: doc, Then: "Stop."}
	rpc := apidoc.RPC{
		Name: "R", FullName: "h.S.R", Path: "/h.S/R", Kind: "unary", Signature: "rpc R", Doc: doc, Access: doc.Summary(), Facts: fact,
		Request: payload, Response: payload, Reasons: []apidoc.Reason{reason}, Grpcurl: "grpcurl", Go: "go",
	}
	return apidoc.Reference{Package: "h", Dir: ".", Doc: doc, Messages: []apidoc.Message{message}, Services: []apidoc.Service{{
		Name: "S", FullName: "h.S", Source: "h.proto", Doc: doc, Facts: fact, RPCs: []apidoc.RPC{rpc},
		Reasons: []apidoc.Reason{reason}, Failures: []apidoc.Reason{reason}, Messages: []apidoc.Message{message},
		Enums: []apidoc.Enum{{Name: "E", FullName: "h.E", Doc: doc, Values: []apidoc.Value{{Name: "V", Doc: doc}}}},
	}}}
}

// checkComment checks the pages of a service with a comment.
func checkComment(t *testing.T, lines []string) {
	t.Helper()
	checkText(t, markup.Parse(model.VisibleLines(strings.Join(lines, "\n"))))
	if t.Failed() && len(lines) < 100 {
		t.Logf("of the comment %q", lines)
	}
}

// checkText checks the pages of a service with a text.
func checkText(t *testing.T, doc markup.Text) {
	t.Helper()
	written, err := pages.Files(reference(doc))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, f := range written {
		files[f.Path] = string(f.Content)
	}
	checkMarkdown(t, files)
	checkHTML(t, files)
	p := parsePage(files["h.S.md"])
	comment, cell := p.comment(), inCell(doc)
	if diff := cmp.Diff(blocksOf(doc), comment); diff != "" {
		t.Errorf("the comment (-want +parsed):\n%s", diff)
	}
	cells := 0
	each(p.root, func(n ast.Node) {
		row, ok := n.(*extast.TableRow)
		if !ok || p.words(row.FirstChild()) != "a" && p.words(row.FirstChild()) != "Fact" && p.words(row.FirstChild()) != "V" {
			return
		}
		cells++
		if diff := cmp.Diff(cell, spaces(p.words(row.LastChild()))); diff != "" {
			t.Errorf("the row %s (-want +parsed):\n%s", p.words(row.FirstChild()), diff)
		}
	})
	if cells != 4 {
		t.Errorf("there are %d cells", cells)
	}
	for i, text := range htmlCells(t, files["h.html"]) {
		if diff := cmp.Diff(cell, spaces(text)); diff != "" {
			t.Errorf("cell %d of HTML (-want +parsed):\n%s", i, diff)
		}
	}
	if t.Failed() && len(files["h.S.md"]) < 10_000 {
		_, written, _ := strings.Cut(files["h.S.md"], "# S\n")
		written, _, _ = strings.Cut(written, "\n| All services")
		t.Log(written)
	}
}

// block is a paragraph, an item or code, as a reader sees it.
type block struct{ Kind, Text string }

// blocksOf returns what a reader of a text should see.
func blocksOf(doc markup.Text) (blocks []block) {
	for _, b := range doc {
		switch {
		case b.Paragraph != nil:
			blocks = append(blocks, block{"paragraph", spaces(textOf(b.Paragraph))})
		case b.List != nil:
			for _, item := range b.List {
				blocks = append(blocks, block{"item", spaces(item.Number + " " + textOf(item.Spans))})
			}
		default:
			blocks = append(blocks, block{"code", strings.Join(b.Code, "\n")})
		}
	}
	return blocks
}

// inCell returns what a reader of the cell of a table should see.
func inCell(doc markup.Text) string {
	var lines []string
	for _, line := range doc.Inline() {
		lines = append(lines, textOf(line))
	}
	return spaces(strings.Join(lines, "\n"))
}

func textOf(spans []markup.Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

var (
	someSpace = regexp.MustCompile(`[ [:cntrl:]\x{80}-\x{9f}]+`)
)

// spaces returns a text with one space for several, as pages show it.
func spaces(text string) string {
	return strings.TrimSpace(someSpace.ReplaceAllString(text, " "))
}

// comment returns the blocks between the first heading and the first table.
func (p page) comment() (blocks []block) {
	n := p.root.FirstChild()
	for n.Kind() != ast.KindHeading {
		n = n.NextSibling()
	}
	for n = n.NextSibling(); n != nil && n.Kind() != extast.KindTable; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Paragraph:
			blocks = append(blocks, block{"paragraph", spaces(p.words(n))})
		case *ast.FencedCodeBlock:
			blocks = append(blocks, block{"code", strings.TrimSuffix(string(n.Lines().Value(p.source)), "\n")})
		case *ast.List:
			number := n.Start
			for item := n.FirstChild(); item != nil; item = item.NextSibling() {
				text := p.words(item)
				if n.IsOrdered() {
					text = fmt.Sprintf("%d%c %s", number, n.Marker, text)
				}
				number++
				blocks = append(blocks, block{"item", spaces(text)})
			}
		default:
			blocks = append(blocks, block{n.Kind().String(), p.words(n)})
		}
	}
	return blocks
}

// htmlCells returns the texts of the cells that have the comment.
func htmlCells(t *testing.T, content string) (texts []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "tr" {
			continue
		}
		if first := htmlText(n.FirstChild); first == "a" || first == "Fact" || first == "V" {
			texts = append(texts, htmlText(n.LastChild))
		}
	}
	return texts
}

func htmlText(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode:
			b.WriteString(d.Data)
		case d.Data == "br":
			b.WriteByte('\n')
		}
	}
	return b.String()
}

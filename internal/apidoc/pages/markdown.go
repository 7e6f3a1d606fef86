package pages

import (
	"bytes"
	"fmt"
	"path"
	"strconv"
	"strings"
	"text/template"
	"unicode"

	"github.com/grpcservice/grpcservice/internal/apidoc"
	"github.com/grpcservice/grpcservice/internal/apidoc/markup"
	"github.com/grpcservice/grpcservice/templates"
)

// markdown renders a page in Markdown, which can link to the anchors of other pages. It renders
// twice, because links need the anchors of headings that come later.
func markdown(name string, data any, others map[string]string) (*markdownPage, error) {
	p := &markdownPage{anchors: make(map[string]string), others: others}
	t, err := template.New(name).Funcs(p.functions()).ParseFS(templates.FS, "package.md.tmpl", "service.md.tmpl")
	if err != nil {
		return nil, err
	}
	for range 2 {
		p.used = make(map[string]int)
		var out bytes.Buffer
		if err := t.Execute(&out, data); err != nil {
			return nil, err
		}
		p.text = tidy(out.Bytes())
	}
	return p, nil
}

// tidy replaces several empty lines by one, except in code, and ends the page with one line break.
func tidy(text []byte) []byte {
	var out []string
	fence, empty := "", true
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch run := len(line) - len(strings.TrimLeft(line, "`")); {
		case fence == "" && run >= 3:
			fence = line[:run]
		case fence != "" && line == fence:
			fence = ""
		}
		if fence == "" && line == "" && empty {
			continue
		}
		empty = line == ""
		out = append(out, line)
	}
	return []byte(strings.TrimRight(strings.Join(out, "\n"), "\n") + "\n")
}

// markdownPage is a page that is rendered.
type markdownPage struct {
	anchors map[string]string // by the full name of what a heading is about
	others  map[string]string // of other pages: the page, "#" and the anchor
	used    map[string]int    // how many headings had a slug so far
	text    []byte
}

// linkTo returns the link to a declaration, or "".
func (p *markdownPage) linkTo(ref string) string {
	if anchor := p.anchors[ref]; anchor != "" {
		return "#" + anchor
	}
	return p.others[ref]
}

func (p *markdownPage) functions() template.FuncMap {
	return template.FuncMap{
		"heading": p.heading,
		"text":    func(t markup.Text) string { return p.blocks(t) },
		"spans":   func(s []markup.Span) string { return p.spans(s, true) },
		"cell":    p.cell,
		"cells":   p.cells,
		"notes":   p.notes,
		"type":    p.typeOf,
		"code":    func(s string) string { return codeSpan(s, false) },
		"ref": func(name, ref string) string {
			return p.spans([]markup.Span{{Text: name, IsCode: true, Ref: ref}}, true)
		},
		"fence": fence,
		"names": func(names []string) string {
			return joinLines(names, func(n string) string { return codeSpan(n, true) })
		},
		"page":    ServicePage,
		"escape":  escape,
		"imports": importBlock,
	}
}

// heading returns a heading, and registers its anchor as GitHub names it.
func (p *markdownPage) heading(level int, text, ref string) string {
	slug := slugOf(text)
	anchor := slug
	if n := p.used[slug]; n > 0 {
		anchor = fmt.Sprintf("%s-%d", slug, n)
	}
	p.used[slug]++
	if ref != "" {
		p.anchors[ref] = anchor
	}
	return strings.Repeat("#", level) + " " + escape(text)
}

// slugOf returns the anchor of a heading, before repeated ones are numbered.
func slugOf(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			b.WriteRune(r)
		case r == ' ':
			b.WriteByte('-')
		}
	}
	return b.String()
}

// blocks returns a text as paragraphs, lists and code.
func (p *markdownPage) blocks(t markup.Text) string {
	var blocks []string
	var before []markup.Item // the list that the next one would continue
	for _, b := range t {
		counted := isCounted(b.List) && (before == nil || isCounted([]markup.Item{before[len(before)-1], b.List[0]}))
		before = nil
		switch {
		case b.Paragraph != nil:
			blocks = append(blocks, atStart(p.spans(b.Paragraph, false)))
		case b.List != nil:
			blocks = append(blocks, p.list(b.List, counted))
			if counted {
				before = b.List
			}
		default:
			blocks = append(blocks, fence("", strings.Join(b.Code, "\n")))
		}
	}
	return strings.Join(blocks, "\n\n")
}

// list returns a list. Markdown counts the items of a list with numbers, so numbers that it would
// change become text.
func (p *markdownPage) list(items []markup.Item, counted bool) string {
	var lines []string
	for _, item := range items {
		text := atStart(p.spans(item.Spans, false))
		switch {
		case item.Number == "":
			text = "- " + text
		case counted:
			text = item.Number + " " + text
		default:
			text = "- " + atStart(item.Number+" ") + text
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

// isCounted reports whether Markdown gives the items of a list the numbers that they have.
func isCounted(items []markup.Item) bool {
	first, mark := 0, ""
	for i, item := range items {
		if item.Number == "" {
			return false
		}
		digits := len(item.Number) - 1
		n, err := strconv.Atoi(item.Number[:digits])
		if i == 0 {
			first, mark = n, item.Number[digits:]
		}
		if err != nil || n != first+i || item.Number[digits:] != mark || strconv.Itoa(n) != item.Number[:digits] {
			return false
		}
	}
	return len(items) > 0
}

// cell returns a text in one line, for a table.
func (p *markdownPage) cell(t markup.Text) string {
	return joinLines(t.Inline(), func(s []markup.Span) string { return p.spans(s, true) })
}

// cells returns several texts in one cell.
func (p *markdownPage) cells(texts []markup.Text) string {
	return joinLines(texts, p.cell)
}

// notes returns the description of a field, for a table.
func (p *markdownPage) notes(f apidoc.Field) string { return p.cell(fieldText(f)) }

// fieldText returns the description of a field: its comment, and what else is known about it.
func fieldText(f apidoc.Field) (all markup.Text) {
	if f.Deprecated {
		all = append(all, markup.Say("Deprecated.")...)
	}
	if f.Oneof != "" {
		all = append(all, markup.Say("One of ", markup.Code(f.Oneof), ".")...)
	}
	return append(append(all, f.Doc...), sentences(f.Notes)...)
}

// sentences joins texts of one paragraph each.
func sentences(texts []markup.Text) markup.Text {
	var spans []markup.Span
	for _, t := range texts {
		for _, line := range t.Inline() {
			if len(spans) > 0 && !strings.HasSuffix(spans[len(spans)-1].Text, ": ") {
				spans = append(spans, markup.Plain(" "))
			}
			spans = append(spans, line...)
		}
	}
	if spans == nil {
		return nil
	}
	return markup.Text{{Paragraph: spans}}
}

// importBlock returns the import declaration of a Go file.
func importBlock(imports []apidoc.Import) string {
	var standard, others []string
	for _, i := range imports {
		line := fmt.Sprintf("\t%q\n", i.Path)
		if path.Base(i.Path) != i.Name {
			line = fmt.Sprintf("\t%s %q\n", i.Name, i.Path)
		}
		if first, _, _ := strings.Cut(i.Path, "/"); strings.Contains(first, ".") {
			others = append(others, line)
		} else {
			standard = append(standard, line)
		}
	}
	if len(standard) > 0 && len(others) > 0 {
		standard = append(standard, "\n")
	}
	return "import (\n" + strings.Join(append(standard, others...), "") + ")"
}

// joinLines joins what of returns for each element, in a line each.
func joinLines[T any](list []T, of func(T) string) string {
	var lines []string
	for _, element := range list {
		if line := of(element); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "<br>")
}

// typeOf returns the type of a field, for a table.
func (p *markdownPage) typeOf(t apidoc.Type) string {
	name := p.spans([]markup.Span{{Text: t.Name, IsCode: true, Ref: t.Ref, URL: t.URL}}, true)
	switch {
	case t.Key != "":
		return "map of " + codeSpan(t.Key, true) + " to " + name
	case t.Label != "":
		return t.Label + " " + name
	default:
		return name
	}
}

// spans returns spans in one line.
func (p *markdownPage) spans(spans []markup.Span, inCell bool) string {
	var b strings.Builder
	for i, s := range spans {
		text := p.span(s, inCell)
		if i+1 < len(spans) && strings.HasSuffix(text, "!") && strings.HasPrefix(p.span(spans[i+1], inCell), "[") {
			text = strings.TrimSuffix(text, "!") + "\\!" // not an image
		}
		b.WriteString(text)
	}
	return b.String()
}

func (p *markdownPage) span(s markup.Span, inCell bool) string {
	text := escape(s.Text)
	if s.IsCode {
		text = codeSpan(s.Text, inCell)
	}
	switch {
	case s.URL != "" && s.URL == s.Text && s.URL == safeURL(s.URL) && !s.IsCode:
		return "<" + s.URL + ">"
	case s.URL != "":
		return "[" + text + "](" + strings.ReplaceAll(safeURL(s.URL), "&", "&amp;") + ")"
	case s.Ref != "" && p.linkTo(s.Ref) != "":
		return "[" + text + "](" + p.linkTo(s.Ref) + ")"
	default:
		return text
	}
}

// escape returns a text that Markdown shows as it is, also in the cell of a table. Addresses in it
// do not become links, because GitHub would take what escapes their characters as part of them.
func escape(text string) string {
	var b strings.Builder
	text = oneLine(text)
	for i := range len(text) {
		c := text[i]
		switch {
		case c == '|':
			b.WriteString("&#124;")
			continue
		case strings.IndexByte("\\`*[]<>~${}", c) >= 0,
			c == '_' && !(i > 0 && isAlphanumeric(text[i-1]) && i+1 < len(text) && isAlphanumeric(text[i+1])),
			c == '&' && i+1 < len(text) && (text[i+1] == '#' || isAlphanumeric(text[i+1])),
			c == ':' && strings.HasPrefix(text[i:], "://"),
			c == '.' && strings.HasSuffix(strings.ToLower(text[max(0, i-3):i]), "www"):
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// oneLine returns a text with spaces instead of line breaks and other control characters.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// atStart escapes what Markdown would read as the start of another block.
func atStart(text string) string {
	text = strings.TrimLeft(text, " \t")
	if text == "" {
		return ""
	}
	if strings.IndexByte("#+-=:", text[0]) >= 0 {
		return "\\" + text
	}
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	if digits > 0 && digits < len(text) && (text[digits] == '.' || text[digits] == ')') {
		return text[:digits] + "\\" + text[digits:]
	}
	return text
}

// codeSpan returns a text as code.
func codeSpan(text string, inCell bool) string {
	text = oneLine(text)
	if strings.TrimSpace(text) == "" {
		return escape(text)
	}
	if inCell && strings.ContainsAny(text, "|`\\") {
		return "<code>" + escape(text) + "</code>"
	}
	fence := strings.Repeat("`", longestRun(text)+1)
	if text[0] == '`' || text[len(text)-1] == '`' {
		text = " " + text + " "
	}
	return fence + text + fence
}

// fence returns a block of code.
func fence(language, text string) string {
	mark := strings.Repeat("`", max(3, longestRun(text)+1))
	return mark + language + "\n" + strings.TrimSuffix(text, "\n") + "\n" + mark
}

// longestRun returns the length of the longest run of backquotes in a text.
func longestRun(text string) (longest int) {
	run := 0
	for i := range len(text) {
		if text[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// safeURL returns a URL without characters that would end it in Markdown.
func safeURL(url string) string {
	var b strings.Builder
	for i := range len(url) {
		c := url[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("<>\"`\\()[]{}|^*_'", c) >= 0 && c != '_' {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

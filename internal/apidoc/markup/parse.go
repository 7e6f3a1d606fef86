package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse reads the lines of a comment. It recognizes paragraphs, lists, code that is indented or
// fenced, code spans, and links to http and https. Everything else, such as HTML, is text.
func Parse(lines []string) (text Text) {
	p := parser{lines: lines}
	for p.at < len(p.lines) {
		switch line := p.lines[p.at]; {
		case line == "":
			p.at++
		case fenceOf(line) != "":
			text = append(text, Block{Code: p.fenced()})
		case isIndented(line):
			text = append(text, Block{Code: p.indented()})
		case markOf(line) != "":
			text = append(text, Block{List: p.list()})
		default:
			text = append(text, Block{Paragraph: ParseSpans(p.paragraph())})
		}
	}
	return text
}

type parser struct {
	lines []string
	at    int
}

// fenceOf returns the fence that a line starts with, or "".
func fenceOf(line string) string {
	line = strings.TrimLeft(line, " ")
	for _, char := range []string{"`", "~"} {
		if rest := strings.TrimLeft(line, char); len(line)-len(rest) >= 3 && !strings.Contains(rest, char) {
			return line[:len(line)-len(rest)]
		}
	}
	return ""
}

func isIndented(line string) bool {
	return strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")
}

// fenced returns the lines between a fence and the next one, or the end.
func (p *parser) fenced() []string {
	fence := fenceOf(p.lines[p.at])
	p.at++
	start := p.at
	for p.at < len(p.lines) {
		line := strings.TrimSpace(p.lines[p.at])
		p.at++
		if strings.HasPrefix(line, fence) && strings.Trim(line, fence[:1]) == "" {
			return nonNil(p.lines[start : p.at-1])
		}
	}
	return nonNil(p.lines[start:])
}

// indented returns the lines of code up to the next one that is not indented.
func (p *parser) indented() (code []string) {
	for ; p.at < len(p.lines); p.at++ {
		line := p.lines[p.at]
		if line != "" && !isIndented(line) {
			break
		}
		code = append(code, strings.TrimPrefix(strings.TrimPrefix(line, "    "), "\t"))
	}
	for len(code) > 0 && code[len(code)-1] == "" {
		code = code[:len(code)-1]
	}
	return nonNil(code)
}

func nonNil(lines []string) []string {
	if lines == nil {
		return []string{}
	}
	return lines
}

// markOf returns the mark of a list's item that a line starts with, with the space after it; or "".
func markOf(line string) string {
	start := len(line) - len(strings.TrimLeft(line, " "))
	rest := line[start:]
	mark := ""
	if strings.HasPrefix(rest, "- ") || strings.HasPrefix(rest, "* ") || strings.HasPrefix(rest, "+ ") {
		mark = rest[:2]
	}
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	if 0 < digits && digits <= 3 && len(rest) > digits+1 && (rest[digits] == '.' || rest[digits] == ')') && rest[digits+1] == ' ' {
		mark = rest[:digits+2]
	}
	if mark == "" || strings.TrimSpace(rest[len(mark):]) == "" {
		return ""
	}
	return line[:start+len(mark)]
}

// list returns the items of a list, which an empty line or the end of the indented lines ends.
func (p *parser) list() (items []Item) {
	var words []string
	number := ""
	end := func() {
		if words != nil {
			items = append(items, Item{Number: number, Spans: ParseSpans(strings.Join(words, " "))})
		}
	}
	for ; p.at < len(p.lines); p.at++ {
		line := p.lines[p.at]
		mark := markOf(line)
		switch {
		case mark != "":
			end()
			words, number = []string{strings.TrimSpace(line[len(mark):])}, ""
			if trimmed := strings.TrimSpace(mark); trimmed[0] >= '0' && trimmed[0] <= '9' {
				number = trimmed
			}
		case line == "" || fenceOf(line) != "":
			end()
			return items
		default:
			words = append(words, strings.TrimSpace(line))
		}
	}
	end()
	return items
}

// paragraph returns the text up to an empty line, a list or a fence.
func (p *parser) paragraph() string {
	var words []string
	for ; p.at < len(p.lines); p.at++ {
		line := p.lines[p.at]
		if line == "" || fenceOf(line) != "" || len(words) > 0 && markOf(line) != "" {
			break
		}
		words = append(words, strings.TrimSpace(line))
	}
	return strings.Join(words, " ")
}

// longestSpan bounds the search for the end of code and links, so that parsing takes linear time.
const longestSpan = 2000

// ParseSpans reads the code and the links of a paragraph.
func ParseSpans(text string) (spans []Span) {
	plain := 0 // where the text without a span starts
	add := func(at, end int, s Span) {
		if at > plain {
			spans = append(spans, Plain(text[plain:at]))
		}
		spans, plain = append(spans, s), end
	}
	for at := 0; at < len(text); {
		s, length := spanAt(text, at)
		if length == 0 {
			at++
			if text[at-1] == '`' { // a run that nothing closes
				for at < len(text) && text[at] == '`' {
					at++
				}
			}
			continue
		}
		add(at, at+length, s)
		at += length
	}
	if plain < len(text) {
		spans = append(spans, Plain(text[plain:]))
	}
	return spans
}

// spanAt returns the span that starts at an index, and its length there; or 0.
func spanAt(text string, at int) (s Span, length int) {
	near := text[at:min(len(text), at+longestSpan)]
	switch near[0] {
	case '`':
		return codeSpan(near)
	case '[':
		return linkSpan(near)
	case '<':
		if end := strings.IndexAny(near, "> \t"); end > 0 && near[end] == '>' && isURL(near[1:end]) {
			return Span{Text: near[1:end], URL: near[1:end]}, end + 1
		}
	case 'h':
		if at > 0 && isWord(text[:at]) {
			return Span{}, 0
		}
		return bareLink(near)
	}
	return Span{}, 0
}

func isWord(before string) bool {
	r, _ := utf8.DecodeLastRuneInString(before)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

func codeSpan(near string) (Span, int) {
	open := len(near) - len(strings.TrimLeft(near, "`"))
	for at := open; at < len(near); {
		i := strings.IndexByte(near[at:], '`')
		if i < 0 {
			break
		}
		at += i
		run := len(near[at:]) - len(strings.TrimLeft(near[at:], "`"))
		if run == open {
			if code := strings.TrimSpace(near[open:at]); code != "" {
				return Code(code), at + run
			}
		}
		at += run
	}
	return Span{}, 0
}

// linkSpan reads [text](https://example.com) and, as in AIP-192, [text][full.name] and
// [full.name][].
func linkSpan(near string) (Span, int) {
	end := strings.IndexAny(near[1:], "[]") + 1
	if end <= 1 || near[end] != ']' || end+1 >= len(near) {
		return Span{}, 0
	}
	words, isCode := near[1:end], false
	if inner := strings.Trim(words, "`"); inner != "" && words == "`"+inner+"`" {
		words, isCode = inner, true
	}
	rest := near[end+1:]
	switch rest[0] {
	case '(':
		if stop := strings.IndexAny(rest, ") \t"); stop > 1 && rest[stop] == ')' && isURL(rest[1:stop]) {
			return Span{Text: words, IsCode: isCode, URL: rest[1:stop]}, end + 1 + stop + 1
		}
	case '[':
		if stop := strings.IndexAny(rest[1:], "[]") + 1; stop > 0 && rest[stop] == ']' {
			name := rest[1:stop]
			if name == "" {
				name = words
			}
			if isName(name) {
				return Span{Text: words, IsCode: isCode, Ref: name}, end + 1 + stop + 1
			}
		}
	}
	return Span{}, 0
}

func bareLink(near string) (Span, int) {
	end := strings.IndexAny(near, " \t<>\"'`")
	if end < 0 {
		end = len(near)
	}
	url := strings.TrimRight(near[:end], ".,;:!?)]}*_")
	if !isURL(url) {
		return Span{}, 0
	}
	return Span{Text: url, URL: url}, len(url)
}

// isURL reports whether a text is a URL that a page may link to.
func isURL(text string) bool {
	for _, scheme := range []string{"https://", "http://"} {
		if rest, ok := strings.CutPrefix(text, scheme); ok {
			return rest != "" && !strings.ContainsAny(text, " \t<>\"`\\")
		}
	}
	return false
}

// isName reports whether a text is the name of a proto declaration.
func isName(text string) bool {
	for _, r := range text {
		if r != '.' && r != '_' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)) {
			return false
		}
	}
	return strings.Trim(text, ".") != ""
}

// Package markup holds the text of an API reference as data: blocks of spans, without any format.
// What a proto says can be hostile, so it becomes text here, and only package pages writes
// Markdown and HTML.
package markup

import "strings"

// Text is a sequence of blocks.
type Text []Block

// Block is a paragraph, a list or code. Exactly one of its fields is set.
type Block struct {
	Paragraph []Span
	List      []Item
	Code      []string // the lines
}

// Item is an item of a list.
type Item struct {
	Number string // of a numbered list; or ""
	Spans  []Span
}

// Span is a piece of a paragraph.
type Span struct {
	Text   string
	IsCode bool
	URL    string // where it links, if not ""; http or https
	Ref    string // the full name of the declaration that it links to, if not ""
}

// Plain returns a span of plain text.
func Plain(text string) Span { return Span{Text: text} }

// Code returns a span of code.
func Code(text string) Span { return Span{Text: text, IsCode: true} }

// Codes returns spans of code, joined as in a sentence: "a, b or c".
func Codes(list []string, last string) (spans []Span) {
	for i, text := range list {
		switch {
		case i == 0:
		case i == len(list)-1:
			spans = append(spans, Plain(" "+last+" "))
		default:
			spans = append(spans, Plain(", "))
		}
		spans = append(spans, Code(text))
	}
	return spans
}

// Say returns a text of one paragraph. Its parts are strings, spans and slices of spans.
func Say(parts ...any) Text { return Text{{Paragraph: Spans(parts...)}} }

// Spans joins strings, spans and slices of spans.
func Spans(parts ...any) (spans []Span) {
	for _, part := range parts {
		switch part := part.(type) {
		case string:
			if part != "" {
				spans = append(spans, Plain(part))
			}
		case Span:
			spans = append(spans, part)
		case []Span:
			spans = append(spans, part...)
		}
	}
	return spans
}

// Inline returns the spans of a text in one line, for the cell of a table and for summaries.
func (t Text) Inline() (lines [][]Span) {
	for _, b := range t {
		switch {
		case b.Paragraph != nil:
			lines = append(lines, b.Paragraph)
		case b.List != nil:
			for _, item := range b.List {
				mark := "• "
				if item.Number != "" {
					mark = item.Number + " "
				}
				lines = append(lines, append([]Span{Plain(mark)}, item.Spans...))
			}
		default:
			for _, line := range b.Code {
				if line != "" {
					lines = append(lines, []Span{Code(line)})
				}
			}
		}
	}
	return lines
}

// String returns the words of the text, without its structure.
func (t Text) String() string {
	var b strings.Builder
	for _, line := range t.Inline() {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		for _, s := range line {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

// Summary returns the first sentence of the text's first paragraph.
func (t Text) Summary() []Span {
	if len(t) == 0 || t[0].Paragraph == nil {
		return nil
	}
	for i, s := range t[0].Paragraph {
		if s.IsCode || s.URL != "" || s.Ref != "" {
			continue
		}
		if end := sentenceEnd(s.Text); end > 0 {
			spans := append([]Span{}, t[0].Paragraph[:i]...)
			return append(spans, Plain(s.Text[:end]))
		}
	}
	return t[0].Paragraph
}

// sentenceEnd returns the index after the first period, and a space, that ends a sentence; or 0.
func sentenceEnd(text string) int {
	for at := 0; ; {
		i := strings.Index(text[at:], ". ")
		if i < 0 {
			return 0
		}
		at += i + 1
		rest := strings.TrimLeft(text[at:], " ")
		if isAbbreviation(text[:at]) || rest != "" && 'a' <= rest[0] && rest[0] <= 'z' {
			continue
		}
		return at
	}
}

func isAbbreviation(text string) bool {
	for _, short := range []string{"e.g.", "i.e.", "etc.", "vs.", "cf."} {
		if strings.HasSuffix(text, short) {
			return true
		}
	}
	return false
}

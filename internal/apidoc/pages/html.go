package pages

import (
	"bytes"
	stdhtml "html"
	"html/template"
	"strings"

	"github.com/grpcservice/grpcservice/internal/apidoc"
	"github.com/grpcservice/grpcservice/internal/apidoc/markup"
	"github.com/grpcservice/grpcservice/templates"
)

// html renders the page of a reference in HTML. Package html/template escapes all strings; the
// functions of htmlPage escape what they return as HTML.
func html(r apidoc.Reference) ([]byte, error) {
	p := newHTMLPage(r)
	t, err := template.New("page.html.tmpl").Funcs(p.functions()).ParseFS(templates.FS, "page.html.tmpl")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, r)
	return out.Bytes(), err
}

// htmlPage is the page of a reference. The IDs of its parts are full names.
type htmlPage struct{ ids map[string]bool }

func newHTMLPage(r apidoc.Reference) *htmlPage {
	p := &htmlPage{make(map[string]bool)}
	for _, s := range r.Services {
		p.ids[s.FullName] = true
		for _, rpc := range s.RPCs {
			p.ids[rpc.FullName] = true
			for _, payload := range []apidoc.Payload{rpc.Request, rpc.Response} {
				if payload.Message != nil {
					p.ids[payload.Message.FullName] = true
				}
			}
		}
	}
	for _, m := range r.Messages {
		p.ids[m.FullName] = true
	}
	for _, e := range r.Enums {
		p.ids[e.FullName] = true
	}
	return p
}

func (p *htmlPage) functions() template.FuncMap {
	return template.FuncMap{
		"text":      p.blocks,
		"line":      p.line,
		"spans":     p.spans,
		"notes":     p.notes,
		"sentences": sentences,
		"type":      p.typeOf,
		"ref": func(name, ref string) template.HTML {
			return p.spans([]markup.Span{{Text: name, IsCode: true, Ref: ref}})
		},
		"imports": importBlock,
	}
}

// blocks returns a text as paragraphs, lists and code.
func (p *htmlPage) blocks(t markup.Text) template.HTML {
	var b strings.Builder
	for _, block := range t {
		switch {
		case block.Paragraph != nil:
			b.WriteString("<p>" + string(p.spans(block.Paragraph)) + "</p>\n")
		case block.List != nil:
			p.list(&b, block.List)
		default:
			b.WriteString("<pre><code>" + stdhtml.EscapeString(strings.Join(block.Code, "\n")) + "</code></pre>\n")
		}
	}
	return template.HTML(b.String())
}

// list writes a list. Items with numbers keep them as they are.
func (p *htmlPage) list(b *strings.Builder, items []markup.Item) {
	b.WriteString("<ul>\n")
	for _, item := range items {
		if item.Number == "" {
			b.WriteString("<li>" + string(p.spans(item.Spans)) + "</li>\n")
			continue
		}
		b.WriteString("<li class=\"numbered\">" + stdhtml.EscapeString(item.Number) + " " + string(p.spans(item.Spans)) + "</li>\n")
	}
	b.WriteString("</ul>\n")
}

// line returns a text without paragraphs, for a table.
func (p *htmlPage) line(t markup.Text) template.HTML {
	var lines []string
	for _, line := range t.Inline() {
		lines = append(lines, string(p.spans(line)))
	}
	return template.HTML(strings.Join(lines, "<br>"))
}

// notes returns the description of a field.
func (p *htmlPage) notes(f apidoc.Field) template.HTML {
	return p.line(fieldText(f))
}

func (p *htmlPage) typeOf(t apidoc.Type) template.HTML {
	name := p.spans([]markup.Span{{Text: t.Name, IsCode: true, Ref: t.Ref, URL: t.URL}})
	switch {
	case t.Key != "":
		return "map of " + p.spans([]markup.Span{markup.Code(t.Key)}) + " to " + name
	case t.Label != "":
		return template.HTML(t.Label+" ") + name
	default:
		return name
	}
}

// spans returns spans in one line.
func (p *htmlPage) spans(spans []markup.Span) template.HTML {
	var b strings.Builder
	for _, s := range spans {
		text := stdhtml.EscapeString(s.Text)
		if s.IsCode {
			text = "<code>" + text + "</code>"
		}
		switch {
		case s.URL != "":
			text = `<a href="` + stdhtml.EscapeString(safeURL(s.URL)) + `" rel="noreferrer">` + text + "</a>"
		case p.ids[s.Ref]:
			text = `<a href="#` + stdhtml.EscapeString(s.Ref) + `">` + text + "</a>"
		}
		b.WriteString(text)
	}
	return template.HTML(b.String())
}

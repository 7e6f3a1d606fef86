package conform

import (
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// elements are those that a page may have, with their attributes.
var elements = map[string][]string{
	"html": {"lang"}, "head": nil, "meta": {"charset", "name", "content", "http-equiv"}, "title": nil, "style": nil,
	"body": nil, "nav": {"aria-label"}, "main": nil, "section": nil, "details": {"open"}, "summary": nil,
	"h1": {"id"}, "h2": {"id"}, "h3": {"id"}, "h4": {"id"}, "p": {"class"}, "pre": nil, "code": nil, "br": nil,
	"ul": nil, "li": {"class"}, "a": {"href", "rel"}, "span": {"class"}, "div": {"class"},
	"table": nil, "thead": nil, "tbody": nil, "tr": nil, "th": {"scope"}, "td": nil,
	"svg": {"viewBox", "width", "height", "role", "aria-label"}, "defs": nil,
	"marker": {"id", "viewBox", "refX", "refY", "markerWidth", "markerHeight", "orient"},
	"path":   {"d", "marker-end"}, "rect": {"x", "y", "width", "height", "rx"},
	"line": {"class", "x1", "y1", "x2", "y2", "marker-end"},
	"text": {"class", "x", "y", "text-anchor", "dominant-baseline"},
}

// checkHTML checks the pages of a reference as a browser reads them: their elements, their IDs,
// their links, and that they load nothing.
func checkHTML(t *testing.T, files map[string]string) {
	t.Helper()
	for file, content := range files {
		if path.Ext(file) != ".html" || content == "" {
			continue
		}
		root, err := html.Parse(strings.NewReader(content))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		ids, links := make(map[string]bool), []string{}
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			allowed, ok := elements[n.Data]
			if !ok {
				t.Errorf("%s: it has the element %s", file, n.Data)
			}
			for _, a := range n.Attr {
				switch {
				case !slices.Contains(allowed, a.Key):
					t.Errorf("%s: it has the attribute %s of %s", file, a.Key, n.Data)
				case a.Key == "id" && (a.Val == "" || ids[a.Val]):
					t.Errorf("%s: the ID %q is empty or not unique", file, a.Val)
				case a.Key == "id":
					ids[a.Val] = true
				case a.Key == "href":
					links = append(links, a.Val)
				case strings.Contains(a.Val, "url(") && a.Val != "url(#arrow)":
					t.Errorf("%s: it loads %s", file, a.Val)
				}
			}
			if n.Data == "style" && (strings.Contains(n.FirstChild.Data, "url(") || strings.Contains(n.FirstChild.Data, "@import")) {
				t.Errorf("%s: its styles load something", file)
			}
		}
		for _, link := range links {
			if id, local := strings.CutPrefix(link, "#"); local && !ids[id] {
				t.Errorf("%s: nothing has the ID %q", file, id)
			} else if !local && !isWeb(link) {
				t.Errorf("%s: it links to %q", file, link)
			}
		}
		if got, want := nesting(root), written(t, content); !slices.Equal(got, want) {
			at := 0
			for at < min(len(got), len(want)) && got[at] == want[at] {
				at++
			}
			t.Errorf("%s: a browser moves the elements after %q: %q, written %q", file, want[max(0, at-5):at],
				got[at:min(at+5, len(got))], want[at:min(at+5, len(want))])
		}
	}
}

// nesting returns the start and the end of each element of a tree.
func nesting(n *html.Node) (tags []string) {
	for child := range n.ChildNodes() {
		if child.Type != html.ElementNode {
			continue
		}
		tags = append(tags, "<"+child.Data)
		tags = append(tags, nesting(child)...)
		if !isVoid(child.Data) {
			tags = append(tags, "</"+child.Data)
		}
	}
	return tags
}

func isVoid(name string) bool { return slices.Contains([]string{"meta", "br"}, name) }

// written returns the start and the end of each element as the page writes them.
func written(t *testing.T, content string) (tags []string) {
	t.Helper()
	for z := html.NewTokenizer(strings.NewReader(content)); ; {
		kind := z.Next()
		token := z.Token()
		switch kind {
		case html.ErrorToken:
			if z.Err() != io.EOF {
				t.Error(z.Err())
			}
			return tags
		case html.StartTagToken:
			tags = append(tags, "<"+token.Data)
		case html.SelfClosingTagToken:
			tags = append(tags, "<"+token.Data, "</"+token.Data)
		case html.EndTagToken:
			tags = append(tags, "</"+token.Data)
		}
	}
}

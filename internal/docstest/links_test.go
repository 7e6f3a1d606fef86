package docstest

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// linkTo matches the target of an inline link or image, without a title.
var linkTo = regexp.MustCompile(`\]\(([^)\s]*)\)`)

// pagesOfCheckout returns the Markdown pages for readers, keyed by slash-separated path.
func pagesOfCheckout(t *testing.T) map[string]string {
	t.Helper()
	pages := make(map[string]string)
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*/*.md", "examples/shop/reference/*/*/*.md", "benchmarks/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			pages[filepath.ToSlash(name)] = readText(t, file)
		}
	}
	return pages
}

// TestLinks checks that every relative link refers to a file, and every anchor to a heading.
func TestLinks(t *testing.T) {
	t.Parallel()
	pages := pagesOfCheckout(t)
	if len(pages) < 20 {
		t.Fatalf("found only %d pages", len(pages))
	}
	for _, problem := range brokenLinks(pages, existsInCheckout) {
		t.Error(problem)
	}
}

// TestEveryPageIsLinked checks that every page of the docs is reachable from the README.
func TestEveryPageIsLinked(t *testing.T) {
	t.Parallel()
	for _, page := range unlinked(pagesOfCheckout(t)) {
		t.Errorf("%s cannot be reached from README.md by links; link to it", page)
	}
}

// TestBrokenLinks tests the checks themselves.
func TestBrokenLinks(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"README.md": "# Top\n[a](docs/a.md#on-your-own-grpcserver) [b](docs/a.md#nowhere)\n" +
			"[c](docs/c.md) [d](#top)\n" +
			"```go\nf := m[g](h) // no link\n```\n`m[i](j)` [out](https://example.com/x#y) [dir](docs)\n",
		"docs/a.md": "## On your own `grpc.Server`\n## Twice\n## Twice\n" +
			"[up](../README.md#top) [e](#twice-1) [f](#twice-2)\n" +
			"```sh\n# nowhere\n```\n",
		"docs/b.md": "# Alone\n",
	}
	exists := func(name string) bool { return name == "docs" || pages[name] != "" }
	want := []string{
		"README.md:2: docs/a.md#nowhere: docs/a.md has no such heading",
		"README.md:3: docs/c.md: there is no such file",
		"docs/a.md:4: #twice-2: docs/a.md has no such heading",
	}
	if got := brokenLinks(pages, exists); !slices.Equal(got, want) {
		t.Errorf("brokenLinks = %q, want %q", got, want)
	}
	if got, want := unlinked(pages), []string{"docs/b.md"}; !slices.Equal(got, want) {
		t.Errorf("unlinked = %q, want %q", got, want)
	}
}

func existsInCheckout(name string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(name)))
	return err == nil
}

// brokenLinks returns a line for each broken relative link.
func brokenLinks(pages map[string]string, exists func(name string) bool) (problems []string) {
	for _, page := range sortedNames(pages) {
		for _, l := range linksOf(page, pages[page]) {
			text, known := pages[l.page]
			switch {
			case !known && !exists(l.page):
				problems = append(problems,
					fmt.Sprintf("%s:%d: %s: there is no such file", page, l.line, l.target))
			case l.anchor != "" && !slices.Contains(anchorsOf(text), l.anchor):
				problems = append(problems,
					fmt.Sprintf("%s:%d: %s: %s has no such heading", page, l.line, l.target, l.page))
			}
		}
	}
	return problems
}

// unlinked returns the pages in docs that are not reachable from README.md.
func unlinked(pages map[string]string) (missing []string) {
	seen := map[string]bool{"README.md": true}
	for next := []string{"README.md"}; len(next) > 0; next = next[1:] {
		for _, l := range linksOf(next[0], pages[next[0]]) {
			if pages[l.page] != "" && !seen[l.page] {
				seen[l.page] = true
				next = append(next, l.page)
			}
		}
	}
	for _, page := range sortedNames(pages) {
		if strings.HasPrefix(page, "docs/") && !seen[page] {
			missing = append(missing, page)
		}
	}
	return missing
}

func sortedNames(pages map[string]string) []string {
	names := make([]string, 0, len(pages))
	for name := range pages {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// link is a relative link: the target as written, and the page and anchor that it refers to.
type link struct {
	line                 int
	target, page, anchor string
}

func linksOf(page, text string) (links []link) {
	for n, line := range proseOf(text) {
		for _, match := range linkTo.FindAllStringSubmatch(withoutCode(line), -1) {
			target := match[1]
			if strings.Contains(target, ":") { // an external link
				continue
			}
			file, anchor, _ := strings.Cut(target, "#")
			to := page
			if file != "" {
				to = path.Join(path.Dir(page), file)
			}
			links = append(links, link{n, target, to, anchor})
		}
	}
	return links
}

// proseOf yields the lines outside of fenced and indented code, with their line numbers.
func proseOf(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		fenced, n := false, 0
		for line := range strings.Lines(text) {
			n++
			if strings.HasPrefix(strings.TrimLeft(line, " "), "```") {
				fenced = !fenced
				continue
			}
			if !fenced && !strings.HasPrefix(line, "    ") && !yield(n, strings.TrimRight(line, "\n")) {
				return
			}
		}
	}
}

// withoutCode removes the content of code spans from a line, because brackets in them are not
// links.
func withoutCode(line string) string {
	parts := strings.Split(line, "`")
	for i := 1; i < len(parts)-1; i += 2 {
		parts[i] = ""
	}
	return strings.Join(parts, "``")
}

// anchorsOf returns the anchors of a page's headings, as GitHub generates them: the text in lower
// case without punctuation, with hyphens for spaces, and with a number after each duplicate.
func anchorsOf(text string) (anchors []string) {
	times := make(map[string]int)
	for _, line := range proseOf(text) {
		title := strings.TrimLeft(line, "#")
		if title == line || !strings.HasPrefix(title, " ") {
			continue
		}
		anchor := anchorOf(title)
		n := times[anchor]
		times[anchor]++
		if n > 0 {
			anchor = fmt.Sprintf("%s-%d", anchor, n)
		}
		anchors = append(anchors, anchor)
	}
	return anchors
}

func anchorOf(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r):
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(title))
}

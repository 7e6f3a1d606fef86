package docstest

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLLMs checks that llms.txt links to every page of the docs once, with a description, and to
// nothing that does not exist.
func TestLLMs(t *testing.T) {
	t.Parallel()
	const name = "llms.txt"
	text := readText(t, filepath.Join(root, name))
	pages := pagesOfCheckout(t)
	pages[name] = text
	for _, problem := range brokenLinks(pages, existsInCheckout) {
		if strings.HasPrefix(problem, name+":") {
			t.Error(problem)
		}
	}
	listed := make(map[string]int)
	for _, l := range linksOf(name, text) {
		listed[l.page]++
	}
	for _, page := range sortedNames(pages) {
		if strings.HasPrefix(page, "docs/") && listed[page] != 1 {
			t.Errorf("%s lists %s %d times; want once", name, page, listed[page])
		}
	}
	item := regexp.MustCompile(`^- \[[^\]]+\]\([^)\s]+\): \S.*$`)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "- ") && !item.MatchString(line) {
			t.Errorf("%s: %q; want \"- [title](link): description\"", name, line)
		}
	}
}

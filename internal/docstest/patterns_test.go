package docstest

import (
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPatternsAreShown checks that each row of docs/patterns.md names code and at least one test,
// and that each test is in the file that it links to. TestLinks checks the other links.
func TestPatternsAreShown(t *testing.T) {
	t.Parallel()
	testLink := regexp.MustCompile(`\[(Test\w+)\]\(([^)]+)\)`)
	rows := 0
	for line := range strings.Lines(readText(t, filepath.Join(root, "docs", "patterns.md"))) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| Pattern") || strings.HasPrefix(line, "| ---") {
			continue
		}
		rows++
		if len(cells) != 3 || !strings.Contains(cells[1], "](") {
			t.Errorf("the row has no code, or not three cells: %s", line)
			continue
		}
		tests := testLink.FindAllStringSubmatch(cells[2], -1)
		if len(tests) == 0 {
			t.Errorf("the row has no test: %s", line)
		}
		for _, test := range tests {
			file := path.Join("docs", test[2])
			if !strings.Contains(readText(t, filepath.Join(root, filepath.FromSlash(file))), "\nfunc "+test[1]+"(") {
				t.Errorf("%s has no test %s", file, test[1])
			}
		}
	}
	if rows < 40 {
		t.Errorf("there are only %d rows", rows)
	}
}

package archtest

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var rowLink = regexp.MustCompile(`\]\(([a-z0-9_/-]+)\)`)

// TestContributingListsPackages checks that the table in CONTRIBUTING.md links to every package of
// internal and runtime once, and to no package that does not exist. Generated packages are not
// listed.
func TestContributingListsPackages(t *testing.T) {
	content, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for line := range strings.Lines(string(content)) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		where, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for _, link := range rowLink.FindAllStringSubmatch(where, -1) {
			count[link[1]]++
		}
	}
	for pkg := range strings.FieldsSeq(list(t, self+"/internal/...", self+"/runtime/...")) {
		dir := strings.TrimPrefix(pkg, self+"/")
		if within(dir, "internal/e2e/gen") {
			continue
		}
		if count[dir] == 0 {
			t.Errorf("the table of CONTRIBUTING.md does not list %s", dir)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(count)) {
		if count[dir] > 1 {
			t.Errorf("the table of CONTRIBUTING.md lists %s %d times", dir, count[dir])
		}
		if _, err := os.Stat("../../" + dir); err != nil {
			t.Errorf("the table of CONTRIBUTING.md lists %s: %v", dir, err)
		}
	}
}

package policy

import (
	"os"
	"strings"
	"testing"
)

// TestDocs checks that the policy files in the docs are sound.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for i, block := range strings.Split(string(page), "```") {
		if _, text, found := strings.Cut(block, "version: v1\n"); i%2 == 1 && found {
			files++
			if problems := Parse("docs/policy.md", []byte("version: v1\n"+text)).Problems(); len(problems) > 0 {
				t.Errorf("%v in:\n%s", problems, text)
			}
		}
	}
	if files == 0 {
		t.Error("the docs have no policy file")
	}
}

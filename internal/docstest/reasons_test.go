package docstest

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// reasonConst matches the declaration of a reason in the runtime.
var reasonConst = regexp.MustCompile(
	`(?m)^\s*(?:const )?Reason\w* +(?:rpcerr\.)?Reason += "([A-Z_]+)"$`)

// TestReasonsInDocs checks that docs/errors.md lists every reason of the runtime.
func TestReasonsInDocs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root, "runtime", "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	page := readText(t, filepath.Join(root, "docs", "errors.md"))
	n := 0
	for _, file := range files {
		for _, match := range reasonConst.FindAllStringSubmatch(readText(t, file), -1) {
			n++
			if !regexp.MustCompile(`\b` + match[1] + `\b`).MatchString(page) {
				t.Errorf("docs/errors.md does not list %s of %s", match[1], strings.TrimPrefix(file, root))
			}
		}
	}
	if n < 30 {
		t.Fatalf("found only %d reasons", n)
	}
}

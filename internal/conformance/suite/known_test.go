package suite

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// knownFailure is a line of a file of known failures. The suite reports a known failure that
// passes, and a pattern without cases.
type knownFailure struct {
	pattern string // of the suite: * is a part of a name, ** any number of parts
	name    *regexp.Regexp
	failure string // the whole reason that the suite states, on one line
}

func (k knownFailure) matches(name, failure string) bool {
	return k.name.MatchString(name) && strings.Join(strings.Fields(failure), " ") == k.failure
}

// readKnown reads a file of known failures. A paragraph has the explanation, in lines that start
// with #; the failure as the suite states it, in a line that starts with "fails:"; and patterns of
// cases. A case may be in several paragraphs.
func readKnown(path string) ([]knownFailure, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var known []knownFailure
	for paragraph := range strings.SplitSeq(string(content), "\n\n") {
		explained, failure := false, ""
		for line := range strings.Lines(paragraph) {
			line = strings.TrimSpace(line)
			reason, isFailure := strings.CutPrefix(line, "fails: ")
			switch {
			case strings.HasPrefix(line, "# "):
				explained = true
			case isFailure:
				failure = reason
			case line != "" && explained && failure != "":
				known = append(known, knownFailure{line, pattern(line), failure})
			case line != "":
				return nil, fmt.Errorf("%s: %q has no explanation and no failure above it", path, line)
			}
		}
	}
	return known, nil
}

func pattern(p string) *regexp.Regexp {
	p = regexp.QuoteMeta(p)
	p = strings.ReplaceAll(p, `\*\*/`, `(.*/)?`)
	p = strings.ReplaceAll(p, `/\*\*`, `(/.*)?`)
	return regexp.MustCompile("^" + strings.ReplaceAll(p, `\*`, `[^/]*`) + "$")
}

// TestKnownFailuresAreExact checks the reading of known failures and of the suite's output.
func TestKnownFailuresAreExact(t *testing.T) {
	path := t.TempDir() + "/known.txt"
	write := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("# Why.\n**/no-request\n")
	if _, err := readKnown(path); err == nil {
		t.Error("a pattern without its failure is accepted")
	}
	write("# Why.\nfails: wrong code\nA/**/no-request\n\n# More.\nfails: other\n*/x\n")
	known, err := readKnown(path)
	if err != nil || len(known) != 2 {
		t.Fatalf("%v, %v", known, err)
	}
	got := parse("INFO: A/B:1/no-request failed (as expected):\n\twrong code\n" +
		"FAILED: B/y:\n\tbad\n\tworse\n" +
		"FAILED: C was expected to fail but did not\n\nTotal cases: 3\n0 passed, 2 failed\n")
	if !known[0].matches("A/B:1/no-request", got.expected["A/B:1/no-request"]) ||
		known[0].matches("A/B:1/no-request", "\twrong code\n\tand more\n") ||
		known[1].matches("A/B/x", "other") {
		t.Errorf("known failures match wrongly: %v", known)
	}
	if got.failed["B/y"] != "FAILED: B/y:\n\tbad\n\tworse\n" || got.failed["C"] == "" ||
		len(got.failed) != 2 || got.summary != "Total cases: 3 0 passed, 2 failed" {
		t.Errorf("the output is read wrongly: %+v", got)
	}
}

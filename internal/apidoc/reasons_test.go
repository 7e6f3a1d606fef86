package apidoc

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// reasonName matches a reason in the tables of docs/errors.md.
var reasonName = regexp.MustCompile(`^[A-Z][A-Z_]+$`)

// TestReasonsAreThoseOfTheDocs checks that the reasons of the reference and their codes are those
// of docs/errors.md, and that each reason there is in the reference, or is not about RPCs.
func TestReasonsAreThoseOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := make(map[string]string)
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimPrefix(strings.ReplaceAll(line, "| |", "|  |"), "| "), " | ")
		for name := range strings.SplitSeq(cells[0], ", ") {
			if len(cells) >= 5 && reasonName.MatchString(name) {
				codes[name] = cells[1]
			}
		}
	}
	if len(codes) < 60 {
		t.Fatalf("found only %d reasons in docs/errors.md", len(codes))
	}
	known := make(map[string]bool)
	for _, r := range slices.Concat(common, specific) {
		for name := range strings.FieldsSeq(r.names) {
			if known[name] {
				t.Errorf("%s is there twice", name)
			}
			known[name] = true
			want := codes[name]
			if !grpcCodes[want] { // "that of the item"
				want = ""
			}
			if _, found := codes[name]; !found || r.code != want {
				t.Errorf("%s has the code %q, and %q in docs/errors.md", name, r.code, codes[name])
			}
		}
	}
	// Of the issuer of tokens, of health checks, and of browsers.
	elsewhere := []string{"KEYS_UNAVAILABLE", "SERVICE_UNKNOWN", "ORIGIN_NOT_ALLOWED"}
	for name := range codes {
		if !known[name] && !slices.Contains(elsewhere, name) {
			t.Errorf("%s of docs/errors.md is in no reference; add it to common or specific", name)
		}
	}
}

// TestCodeIn checks which code a comment names.
func TestCodeIn(t *testing.T) {
	for text, want := range map[string]string{
		"No book has the ISBN: NOT_FOUND.": "NOT_FOUND",
		"ABORTED, or UNAVAILABLE later":    "ABORTED",
		"Not NOT_FOUNDED":                  "",
		"a_NOT_FOUND":                      "",
	} {
		if got := codeIn(text); got != want {
			t.Errorf("the code in %q is %q, want %q", text, got, want)
		}
	}
}

// TestUnits checks how numbers are written.
func TestUnits(t *testing.T) {
	for got, want := range map[string]string{
		duration(0): "0 s", duration(90e9): "1 min 30 s", duration(250e6): "250 ms", duration(3600e9): "1 h",
		size(100): "100 bytes", size(4096): "4,096 bytes (4 KiB)", size(1 << 30): "1,073,741,824 bytes (1 GiB)",
		count(-1234567): "-1,234,567", number(0.5): "0.5", plural(1, "call"): "1 call", plural(1000, "call"): "1,000 calls",
	} {
		if got != want {
			t.Errorf("it is %q, want %q", got, want)
		}
	}
}

package server

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSequenceIsDocumented checks that the table of docs/pipeline.md has the steps of calls, in
// their order.
func TestSequenceIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/pipeline.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented, want []string
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \| ([^|]+) \|`).FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, row[1]+" "+row[2])
	}
	for i, s := range sequence() {
		want = append(want, fmt.Sprint(i+1, " ", s.name))
	}
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("the table of docs/pipeline.md (-sequence +page):\n%s", diff)
	}
}

// TestSequenceDecodesOnce checks that gates stand before the request is decoded, and what takes the
// request after.
func TestSequenceDecodesOnce(t *testing.T) {
	decoded := false
	for _, s := range sequence() {
		if s.name == "decode" {
			decoded = true
		}
		if s.gate != nil && decoded || (s.check != nil || s.unary != nil) && !decoded {
			t.Errorf("%s is on the wrong side of decode", s.name)
		}
	}
}

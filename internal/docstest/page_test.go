package docstest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// step is a fenced block of a page that the tests execute: a file, if it has a path, or commands.
type step struct {
	line int
	path string
	text string
}

// readPage returns the steps of a page: the blocks whose fence names a file, such as
// "go cmd/server/main.go", and those in sh. It ignores all other blocks.
func readPage(t *testing.T, file string) (steps []step) {
	t.Helper()
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var block *step
	n := 0
	for line := range strings.Lines(string(page)) {
		n++
		info, fence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case fence && block == nil:
			language, path, _ := strings.Cut(info, " ")
			block = &step{line: n, path: path}
			if path == "" && language != "sh" {
				block.line = 0
			}
		case fence:
			if block.line > 0 {
				steps = append(steps, *block)
			}
			block = nil
		case block != nil:
			block.text += line
		}
	}
	return steps
}

// write writes the file of a step.
func (s step) write(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(s.path))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(s.text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ofRepository reports whether the commands are for a clone of this repository, not for the
// reader's own module.
func (s step) ofRepository() bool { return strings.HasPrefix(s.text, "make ") }

func (s step) String() string { return fmt.Sprintf("line %d:\n%s", s.line, s.text) }

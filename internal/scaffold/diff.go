package scaffold

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diff"
)

// newFile adds the diff of a file that does not exist.
func (b *builder) newFile(name, text string) {
	b.diffs = append(b.diffs, diff.NewFile(name, text))
}

// edit adds the diff that changes the lines of a file. Lines have no line feed, but keep the carriage
// return before it. That of the first line, or "", is passed to f as end, for the lines that it adds.
func (b *builder) edit(name string, f func(lines []string, end string) []string) error {
	content, err := fs.ReadFile(b.tree, name)
	if err != nil {
		return err
	}
	before, end := string(content), ""
	text, terminated := strings.CutSuffix(before, "\n")
	lines := strings.Split(text, "\n")
	if strings.HasSuffix(lines[0], "\r") {
		end = "\r"
	}
	edited := f(slices.Clone(lines), end)
	after := strings.Join(edited, "\n")
	if terminated || len(edited) > len(lines) {
		after += "\n"
	}
	b.diffs = append(b.diffs, diff.Unified(name, before, after))
	return nil
}

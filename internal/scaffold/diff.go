package scaffold

import (
	"fmt"
	"io/fs"
	"strings"
)

// context3 is how many unchanged lines a diff has before and after a change.
const context3 = 3

// newFile returns the diff that adds a file.
func newFile(name, text string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	return fmt.Sprintf("--- /dev/null\n+++ b/%s\n@@ -0,0 +1,%d @@\n+%s\n", name, len(lines), strings.Join(lines, "+"))
}

// insert returns the diff that inserts lines after a line of a file.
func (b *builder) insert(name string, after int, added []string) (string, error) {
	return b.diff(name, after, 0, added)
}

// replace returns the diff that replaces a line of a file.
func (b *builder) replace(name string, line int, with string) (string, error) {
	return b.diff(name, line-1, 1, []string{strings.TrimSuffix(with, "\r")})
}

// diff returns a unified diff that replaces some lines after a line. Added lines end like the line
// before them.
func (b *builder) diff(name string, after, removed int, added []string) (string, error) {
	content, err := fs.ReadFile(b.tree, name)
	if err != nil {
		return "", err
	}
	text := string(content)
	unterminated := !strings.HasSuffix(text, "\n")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	end := ""
	if strings.HasSuffix(lines[0], "\r") {
		end = "\r"
	}
	first, last := max(after-context3, 0), min(after+removed+context3, len(lines))
	var body strings.Builder
	write := func(sign, line string, isLast bool) {
		body.WriteString(sign + line + "\n")
		if isLast && unterminated {
			body.WriteString("\\ No newline at end of file\n")
		}
	}
	for i := first; i < after; i++ {
		// Without a line end, the last line changes if lines follow it.
		if i == len(lines)-1 && unterminated && removed == 0 {
			write("-", lines[i], true)
			write("+", lines[i], false)
			continue
		}
		write(" ", lines[i], i == len(lines)-1)
	}
	for i := after; i < after+removed; i++ {
		write("-", lines[i], i == len(lines)-1)
	}
	for _, line := range added {
		write("+", line+end, false)
	}
	for i := after + removed; i < last; i++ {
		write(" ", lines[i], i == len(lines)-1)
	}
	return fmt.Sprintf("--- a/%s\n+++ b/%s\n@@ -%d,%d +%d,%d @@\n%s", name, name,
		first+1, last-first, first+1, last-first-removed+len(added), body.String()), nil
}

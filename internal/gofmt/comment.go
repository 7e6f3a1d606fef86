package gofmt

import (
	"go/doc/comment"
	"slices"
	"strings"
)

// docComment returns the lines of a doc comment as gofmt writes them after some passes.
func (f *formatter) docComment(lines []string, passes int) []string {
	if isPlain(lines) {
		return lines
	}
	for range passes {
		formatted, ok := onePass(lines)
		f.ok = f.ok && ok
		if slices.Equal(formatted, lines) {
			break
		}
		lines = formatted
	}
	return lines
}

// onePass formats a doc comment as package go/printer does. It reports false if it has a directive.
func onePass(lines []string) ([]string, bool) {
	var text strings.Builder
	for _, line := range lines {
		after := strings.TrimPrefix(line, "//")
		if after != "" && after[0] != ' ' && after[0] != '\t' {
			return lines, false
		}
		text.WriteString(strings.TrimPrefix(after, " ") + "\n")
	}
	var parser comment.Parser
	var printer comment.Printer
	var formatted []string
	for line := range strings.Lines(string(printer.Comment(parser.Parse(text.String())))) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "":
			line = "//"
		case line[0] == '\t':
			line = "//" + line
		default:
			line = "// " + line
		}
		formatted = append(formatted, line)
	}
	return formatted, len(formatted) > 0
}

// isPlain reports whether a doc comment consists of paragraphs that gofmt does not change.
func isPlain(lines []string) bool {
	inParagraph, paragraphs := 0, 0
	for _, line := range lines {
		if line == "//" {
			if inParagraph == 0 || paragraphs > 1 && inParagraph == 1 { // it may be a heading
				return false
			}
			inParagraph = 0
			continue
		}
		text, found := strings.CutPrefix(line, "// ")
		if !found || !isPlainText(text) {
			return false
		}
		if inParagraph == 0 {
			paragraphs++
		}
		inParagraph++
	}
	return inParagraph > 0
}

// isPlainText reports whether a line of a doc comment is text without markup.
func isPlainText(text string) bool {
	first := text[0]
	if (first < 'A' || 'Z' < first) && (first < 'a' || 'z' < first) {
		return false
	}
	return !strings.Contains(text, "``") && !strings.Contains(text, "''") &&
		!strings.Contains(text, "[")
}

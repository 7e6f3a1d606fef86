package model

import (
	"strings"
	"unicode"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// commentLines converts a proto comment to the lines of a Go comment, without the leading "// ".
//
// Proto files may be untrusted, so a comment must remain a comment: no character ends its line
// early, and no tool treats a line as a directive.
func commentLines(comment string) []string {
	lines := VisibleLines(comment)
	for i, line := range lines {
		line = quoteDirective(line)
		if strings.Contains(line, "````") {
			line = backquotes.ReplaceAllString(line, "```")
		}
		lines[i] = line
	}
	return lines
}

// VisibleLines returns the lines of a proto comment without the space that starts each, and without
// characters that disguise text.
func VisibleLines(comment string) []string {
	comment = strings.TrimPrefix(comment, "*") // the second star of a /** comment
	text := lineEnds.Replace(strings.ToValidUTF8(comment, string(unicode.ReplacementChar)))
	lines := strings.Split(strings.Map(visible, text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRightFunc(strings.TrimPrefix(line, " "), unicode.IsSpace)
	}
	return trimEmpty(lines)
}

// lineEnds replaces every sequence that any tool treats as a line break with a Go line break.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n",
	"\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// visible replaces the characters that the Go scanner rejects or that can disguise text.
func visible(r rune) rune {
	const byteOrderMark = '\uFEFF'
	switch {
	case r == '\n' || r == '\t':
		return r
	case unicode.IsControl(r) || r == byteOrderMark || unicode.Is(unicode.Bidi_Control, r):
		return unicode.ReplacementChar
	default:
		return r
	}
}

// quoteDirective quotes a line that tools treat as a directive despite the space before it, as
// gofmt and go/build do for "+build", or that they treat as a misspelled directive.
func quoteDirective(line string) string {
	if trimmed := strings.TrimSpace(line); isDirective(trimmed) {
		return "`" + trimmed + "`"
	}
	return line
}

// isDirective reports whether a line starts with +build, or with a name such as go, a colon and a
// lower-case letter.
func isDirective(line string) bool {
	name, rest, found := strings.Cut(line, ":")
	if !found || name == "" || rest == "" || !isLower(name[0]) || !isLower(rest[0]) {
		return strings.HasPrefix(line, "+build")
	}
	for i := range len(name) {
		if !isLower(name[i]) && (name[i] < '0' || name[i] > '9') {
			return false
		}
	}
	return true
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

// backquotes matches runs of backquotes that gofmt would change on every run.
var backquotes = lazyregexp.New("`{4,}")

// trimEmpty removes empty lines from both ends.
func trimEmpty(lines []string) []string {
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// saysDeprecated reports whether a comment with these lines marks a declaration as deprecated.
func saysDeprecated(lines []string) bool {
	for _, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "Deprecated:") {
			return true
		}
	}
	return false
}

// docOf returns the leading comment of a descriptor, or else its trailing comment.
func docOf(comments protogen.CommentSet) []string {
	if lines := commentLines(string(comments.Leading)); len(lines) > 0 {
		return lines
	}
	return commentLines(string(comments.Trailing))
}

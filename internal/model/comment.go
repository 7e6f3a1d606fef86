package model

import (
	"regexp"
	"strings"
	"unicode"

	"google.golang.org/protobuf/compiler/protogen"
)

// commentLines makes the lines of a Go comment from a comment of a proto file. Each is meant to follow "// ".
//
// A proto may be anybody's, so its comments must stay comments: no line ends one, and no tool takes one for a directive.
func commentLines(comment string) []string {
	comment = strings.TrimPrefix(comment, "*") // the second star of a /** comment
	text := lineEnds.Replace(strings.ToValidUTF8(comment, string(unicode.ReplacementChar)))
	lines := strings.Split(strings.Map(visible, text), "\n")
	for i, line := range lines {
		line = quoteDirective(strings.TrimRightFunc(strings.TrimPrefix(line, " "), unicode.IsSpace))
		lines[i] = backquotes.ReplaceAllString(line, "```")
	}
	return trimEmpty(lines)
}

// lineEnds makes every character that anything takes for the end of a line one that Go does.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n",
	"\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// visible replaces characters that the Go scanner refuses or that make text look like other text.
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

// quoteDirective quotes a line that tools take for a directive in spite of the space before it, as gofmt and go/build do with
// "+build", or that they take for a directive which somebody got wrong.
func quoteDirective(line string) string {
	if trimmed := strings.TrimSpace(line); directive.MatchString(trimmed) {
		return "`" + trimmed + "`"
	}
	return line
}

var directive = regexp.MustCompile(`^(\+build|[a-z][a-z0-9]*:[a-z])`)

// backquotes matches runs that gofmt goes on to change each time it runs.
var backquotes = regexp.MustCompile("`{4,}")

// trimEmpty removes the empty lines at both ends.
func trimEmpty(lines []string) []string {
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// saysDeprecated reports whether Go tools take what has this comment for deprecated.
func saysDeprecated(lines []string) bool {
	for _, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "Deprecated:") {
			return true
		}
	}
	return false
}

// docOf returns the comment of a service or an RPC: the one above it, else the one behind it.
func docOf(comments protogen.CommentSet) []string {
	if lines := commentLines(string(comments.Leading)); len(lines) > 0 {
		return lines
	}
	return commentLines(string(comments.Trailing))
}

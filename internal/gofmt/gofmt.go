// Package gofmt formats the Go source that the built-in templates write, as gofmt does, without
// parsing it.
//
// It works line by line, which takes a tenth of the time. Tests compare it with package go/format.
package gofmt

import (
	"bytes"
	"strings"
)

// Source returns text as gofmt formats it if run until nothing changes. It reports false if text
// has anything but what the built-in templates write. The text must parse.
func Source(text []byte) ([]byte, bool) {
	f := formatter{out: make([]byte, 0, len(text)+len(text)/8), text: string(text), ok: true}
	for f.ok && f.text != "" {
		f.next()
	}
	f.flush()
	return f.out, f.ok && len(f.brackets) == 0 && f.comment == nil
}

// formatter is the state of a pass over a text.
type formatter struct {
	text string // the rest of the input
	out  []byte
	ok   bool // whether it knows all that it has seen

	brackets []bracket // those that are open
	comment  []string  // the lines of a comment, until what follows them is known
	atMargin bool      // whether no line of the comment is indented in the input
	isBlank  bool      // whether an empty line precedes the next line
	isFirst  bool      // whether the last line opened a bracket
	section  []aligned // lines whose columns align
	declared string    // the keyword of the last declaration
}

// next formats a line of the input.
func (f *formatter) next() {
	raw, rest, _ := strings.Cut(f.text, "\n")
	f.text = rest
	line := strings.Trim(raw, " \t\r")
	switch {
	case strings.HasPrefix(line, "//"):
		f.atMargin = (f.atMargin || f.comment == nil) && strings.HasPrefix(raw, "//")
		f.comment = append(f.comment, line)
	case line != "":
		f.code(line, raw[0] == line[0])
	case f.comment != nil:
		f.looseComment()
	default:
		f.isBlank = true
	}
}

// looseComment writes a comment that an empty line follows. Only the header of a file has some.
func (f *formatter) looseComment() {
	f.ok = f.ok && f.declared == ""
	f.blankLine(f.isBlank)
	f.writeComment(f.comment)
	f.isBlank = true
}

// code formats a line of code and the comment above it.
func (f *formatter) code(line string, atMargin bool) {
	if first, more, isLong := expand(line); isLong {
		line, f.text = first, more+"\n"+f.text
	}
	if len(f.brackets) == 0 {
		f.beforeDeclaration(line)
	} else {
		f.insideBrackets(line)
	}
	if lines := f.comment; lines != nil {
		if f.atMargin && atMargin {
			passes := 1 // then it is indented, and gofmt leaves it alone
			if len(f.brackets) == 0 {
				passes = maxPasses
			}
			lines = f.docComment(lines, passes)
		}
		f.writeComment(lines)
	}
	if isClosing(line[0]) {
		f.closing(line)
	} else {
		f.content(line)
	}
}

// maxPasses is how often golang.Format formats a text at most.
const maxPasses = 4

// beforeDeclaration writes the empty line before a declaration at the top level.
func (f *formatter) beforeDeclaration(line string) {
	keyword, _, _ := strings.Cut(line, " ")
	switch keyword {
	case "package":
		f.ok = f.ok && f.declared == ""
		f.blankLine(f.isBlank)
	case "import", "const", "var", "type", "func":
		f.ok = f.ok && f.declared != ""
		f.blankLine(f.isBlank || keyword != f.declared || f.comment != nil)
	default:
		f.ok = false
	}
	f.declared = keyword
}

// insideBrackets writes the empty line before a line in brackets.
func (f *formatter) insideBrackets(line string) {
	kind := f.brackets[len(f.brackets)-1].kind
	if f.comment != nil && (isClosing(line[0]) || kind >= inBlock) {
		f.ok = false
	}
	if f.isBlank && (isClosing(line[0]) || f.isFirst && kind >= inBlock) {
		f.ok = false
	}
	f.blankLine(f.isBlank && !f.isFirst)
}

// blankLine ends a section. It writes an empty line, if there is to be one, below what is above.
func (f *formatter) blankLine(isWanted bool) {
	if isWanted || f.comment != nil || len(f.brackets) == 0 {
		f.flush()
	}
	if isWanted && len(f.out) > 0 {
		f.out = append(f.out, '\n')
		if n := len(f.brackets); n > 0 {
			f.brackets[n-1].list = list{}
		}
	}
	f.isBlank = false
}

func (f *formatter) writeComment(lines []string) {
	f.flush()
	for _, line := range lines {
		f.writeLine(line)
	}
	f.comment, f.isFirst = nil, false
}

// writeLine writes a line with the indentation of the open brackets.
func (f *formatter) writeLine(line string) {
	for range f.depth() {
		f.out = append(f.out, '\t')
	}
	f.out = append(append(f.out, line...), '\n')
}

// closing formats a line that starts with closing brackets.
func (f *formatter) closing(line string) {
	f.flush()
	rest, wasFirst := line, f.isFirst
	var closed bracket
	for rest != "" && isClosing(rest[0]) {
		closed = f.pop()
		rest = rest[1:]
	}
	f.isFirst = false
	if n := len(f.brackets); n > 0 && f.brackets[n-1].kind == inLiteral && rest != "," {
		f.ok = false
	}
	if wasFirst && closed.kind >= inCall { // what has no line of its own is on the line above
		f.out = bytes.TrimSuffix(bytes.TrimSuffix(f.out, []byte("\n")), []byte(","))
		f.out = append(append(f.out, line...), '\n')
	} else {
		f.writeLine(line)
	}
	f.scan(rest)
}

// content formats a line that does not start with a closing bracket.
func (f *formatter) content(line string) {
	var inside *bracket
	if n := len(f.brackets); n > 0 {
		inside = &f.brackets[n-1]
		f.ok = f.ok && inside.indents
	}
	f.isFirst = false
	if inside == nil || inside.kind == inBlock || inside.kind == inCall {
		f.flush()
		f.writeLine(line)
		f.scan(line)
		return
	}
	f.row(line, inside.kind)
}

// row formats a line of what has columns.
func (f *formatter) row(line string, kind kind) {
	next := aligned{indent: f.depth(), rest: line}
	n := len(f.brackets)
	parts := f.scan(line)
	switch kind {
	case inConst:
		next.cells, next.rest = constCells(line)
		f.ok = f.ok && len(next.cells) > 0
	case inStruct:
		name, typ, found := strings.Cut(line, " ")
		next.cells, next.rest, f.ok = []string{name}, typ, f.ok && found
	case inLiteral:
		isNew := f.brackets[n-1].list.add(parts, f.isFirst)
		if isNew {
			f.flush()
		}
		next.cells, next.rest = f.brackets[n-1].list.cells(line)
	}
	if len(f.section) > 0 && len(f.section[0].cells) != len(next.cells) {
		f.flush() // a column ends where a line does not have it
	}
	f.section = append(f.section, next)
}

// depth returns the indentation of the next line.
func (f *formatter) depth() (n int) {
	for _, b := range f.brackets {
		if b.indents {
			n++
		}
	}
	return n
}

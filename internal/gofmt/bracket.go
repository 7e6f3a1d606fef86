package gofmt

import "strings"

// kind is what a bracket encloses.
type kind int

const (
	inImport kind = iota
	inInterface
	inConst
	inStruct
	inBlock
	inCall
	inLiteral
)

// bracket is a bracket that is open at the end of a line.
type bracket struct {
	kind    kind
	open    byte
	indents bool // whether it indents the lines in it: the last one that its line opens does
	list    list // of a literal
}

func isClosing(c byte) bool { return c == ')' || c == '}' || c == ']' }

// pop closes the innermost bracket.
func (f *formatter) pop() (closed bracket) {
	n := len(f.brackets)
	if n == 0 {
		f.ok = false
		return closed
	}
	closed = f.brackets[n-1]
	f.brackets = f.brackets[:n-1]
	return closed
}

// scan opens and closes the brackets in a line. It returns the parts between the commas that are in
// no bracket of the line.
func (f *formatter) scan(line string) (parts []string) {
	outer := len(f.brackets)
	start := 0
	for i := 0; i < len(line) && f.ok; i++ {
		switch c := line[i]; c {
		case '"':
			i = f.endOfString(line, i)
		case '(', '{', '[':
			f.brackets = append(f.brackets, bracket{open: c})
		case ')', '}', ']':
			f.pop()
			outer = min(outer, len(f.brackets))
		case ',':
			if len(f.brackets) == outer {
				parts = append(parts, line[start:i])
				start = i + 1
			}
		case '`', '\'', '\t', ';':
			f.ok = false
		case '/':
			f.ok = f.ok && !strings.HasPrefix(line[i:], "//") && !strings.HasPrefix(line[i:], "/*")
		case ' ':
			f.ok = f.ok && i+1 < len(line) && !strings.ContainsRune(" ,)]", rune(line[i+1]))
		}
	}
	if start < len(line) {
		parts = append(parts, line[start:])
	}
	if n := len(f.brackets); n > outer {
		last := &f.brackets[n-1]
		last.indents, last.kind = true, kindOf(line)
		f.ok = f.ok && last.open != '[' && line[len(line)-1] != ' '
		f.isFirst = true
	}
	return parts
}

// endOfString returns the index of the quote that ends the string at i.
func (f *formatter) endOfString(line string, i int) int {
	for i++; i < len(line) && line[i] != '"'; i++ {
		if line[i] == '\\' {
			i++
		}
	}
	f.ok = f.ok && i < len(line)
	return i
}

// kindOf returns what the bracket encloses that a line leaves open.
func kindOf(line string) kind {
	switch {
	case line == "import (":
		return inImport
	case line == "const (":
		return inConst
	case strings.HasSuffix(line, " struct {"):
		return inStruct
	case strings.HasSuffix(line, " interface {"):
		return inInterface
	case strings.HasSuffix(line, " {"):
		return inBlock
	case strings.HasSuffix(line, "{"):
		return inLiteral
	default:
		return inCall
	}
}

package gofmt

import (
	"math"
	"strings"
	"unicode/utf8"
)

// aligned is a line of a section. Its cells are padded to the width of their columns.
type aligned struct {
	indent int
	cells  []string
	rest   string
}

// flush writes the section and starts a new one.
func (f *formatter) flush() {
	var widths [2]int
	for _, line := range f.section {
		for i, cell := range line.cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range f.section {
		for range line.indent {
			f.out = append(f.out, '\t')
		}
		for i, cell := range line.cells {
			f.out = append(f.out, cell...)
			for range widths[i] + 1 - utf8.RuneCountInString(cell) {
				f.out = append(f.out, ' ')
			}
		}
		f.out = append(append(f.out, line.rest...), '\n')
	}
	f.section = f.section[:0]
}

// constCells splits the declaration of a constant into its columns: the name, the type if there is
// one, and the value. It returns no cells for anything else.
func constCells(line string) (cells []string, rest string) {
	left, value, found := strings.Cut(line, " = ")
	cells = strings.Split(left, " ")
	if !found || len(cells) > 2 {
		return nil, line
	}
	return cells, "= " + value
}

// list is the state of a composite literal, by which package go/printer aligns the values of its
// keys.
type list struct {
	isBegun bool
	inLine  int     // the elements in the last line
	size    int     // the size of the last element: of its key, or 0 if it has several lines
	sum     float64 // the sum of the logarithms of the sizes since the last break
	count   int     // the sizes in sum
	key     string  // the key that the last line starts with, if its element is on one line
}

// add adds the elements of a line. If goesOn, the last one continues in the next line. It reports
// whether the line starts a section.
func (l *list) add(elements []string, goesOn bool) (isNew bool) {
	for i, element := range elements {
		element = strings.TrimPrefix(element, " ")
		before, key := l.size, keyOf(element)
		l.size = len(element)
		if key != "" {
			l.size = len(key)
		}
		if goesOn && i == len(elements)-1 {
			key, l.size = "", 0
		}
		if i == 0 {
			l.key = key
			isNew = !l.isBegun || l.inLine > 1 || l.isFar(before)
		}
		if i == 0 && isNew {
			l.sum, l.count = 0, 0
		}
		if l.size > 0 {
			l.sum += math.Log(float64(l.size))
			l.count++
		}
	}
	l.inLine, l.isBegun = len(elements), true
	return isNew
}

// cells splits the line that was added last into its columns.
func (l *list) cells(line string) (cells []string, rest string) {
	if l.key == "" {
		return nil, line
	}
	return []string{l.key + ":"}, strings.TrimPrefix(line, l.key+": ")
}

// keyOf returns the key of an element of a composite literal, or "".
func keyOf(element string) string {
	for i := range len(element) {
		switch c := element[i]; {
		case c == ':':
			return element[:i]
		case c != '_' && (c < '0' || '9' < c) && (c < 'A' || 'Z' < c) && (c < 'a' || 'z' < c):
			return ""
		}
	}
	return ""
}

// isFar reports whether the size of the last element differs too much from those before it to be
// in one section with them. The size of the one before is before.
func (l *list) isFar(before int) bool {
	const small, ratio = 40, 2.5
	switch {
	case before == 0 || l.size == 0:
		return true
	case l.count == 0 || before <= small && l.size <= small:
		return false
	default:
		r := float64(l.size) / math.Exp(l.sum/float64(l.count))
		return ratio*r <= 1 || ratio <= r
	}
}

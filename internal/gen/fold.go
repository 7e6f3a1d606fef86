package gen

import (
	"bytes"
	"slices"
	"strings"
)

// openMark and closeMark are what templates write for the braces of a composite literal that goes
// on one line where it fits. No text of a proto has them: comments lose control characters, and
// strings are quoted.
const (
	openMark  = "\x01"
	closeMark = "\x02"
)

const (
	maxWidth = 100
	tabWidth = 4
)

// unfolded returns text with braces for marks, of the same length.
func unfolded(text []byte) []byte {
	opened := bytes.ReplaceAll(text, []byte(openMark), []byte("{"))
	return bytes.ReplaceAll(opened, []byte(closeMark), []byte("}"))
}

// fold writes each literal between marks on one line, where that fits, and otherwise between lines
// of their own.
func fold(text []byte) []byte {
	if !bytes.Contains(text, []byte(openMark)) {
		return text
	}
	f := folder{}
	f.write(string(text))
	return []byte(f.out.String())
}

// folder writes folded text.
type folder struct {
	out   strings.Builder
	line  int // how long the line is that is written
	depth int // how many literals are open
}

func (f *folder) write(text string) {
	for {
		before, rest, found := strings.Cut(text, openMark)
		f.put(before)
		if !found {
			return
		}
		content, after := closing(rest)
		f.literal(content, after)
		text = after
	}
}

// literal writes a literal; after is what follows it.
func (f *folder) literal(content, after string) {
	end, _, _ := strings.Cut(after, "\n")
	flat := flatten(content)
	indent := tabWidth * (f.depth + 1)
	if flat == "" || indent+f.line+len("{"+flat+"}"+end) <= maxWidth {
		f.put("{" + flat + "}")
		return
	}
	f.put("{\n")
	f.depth++
	content = strings.TrimSpace(content)
	f.write(content)
	if !strings.HasSuffix(content, ",") {
		f.put(",")
	}
	f.depth--
	f.put("\n}")
}

func (f *folder) put(text string) {
	f.out.WriteString(text)
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		f.line, text = 0, text[i+1:]
	}
	f.line += len(text)
}

// closing splits text behind the mark that closes the one before it.
func closing(text string) (content, after string) {
	depth := 1
	for i := range len(text) {
		switch text[i : i+1] {
		case openMark:
			depth++
		case closeMark:
			depth--
		}
		if depth == 0 {
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

// inLine replaces marks by braces, and drops what only a literal of several lines has beside them.
var inLine = strings.NewReplacer(
	openMark+" ", "{", openMark, "{",
	", "+closeMark, "}", ","+closeMark, "}", " "+closeMark, "}", closeMark, "}",
)

// flatten returns the fields of a literal on one line.
func flatten(content string) string {
	lines := strings.Split(content, "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	flat := strings.Join(lines, " ")
	return strings.TrimSuffix(inLine.Replace(flat), ",")
}

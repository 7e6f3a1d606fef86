package gen

import (
	"bytes"
	"slices"
	"strings"
)

// openMark and closeMark stand for the braces of a composite literal that is written on one line if
// it fits. Text from protos never contains them: comments lose their control characters, and
// strings are quoted.
const (
	openMark  = "\x01"
	closeMark = "\x02"
)

const (
	maxWidth = 100
	tabWidth = 4
)

// unfolded returns text with braces instead of marks. The length is the same, so offsets stay
// valid.
func unfolded(text []byte) []byte {
	opened := bytes.ReplaceAll(text, []byte(openMark), []byte("{"))
	return bytes.ReplaceAll(opened, []byte(closeMark), []byte("}"))
}

// fold writes each literal between marks on one line if it fits, and on several lines otherwise.
func fold(text []byte) []byte {
	if !bytes.Contains(text, []byte(openMark)) {
		return text
	}
	f := folder{}
	f.out.Grow(len(text) + len(text)/16)
	f.write(string(text))
	return []byte(f.out.String())
}

// folder accumulates folded text.
type folder struct {
	out   strings.Builder
	line  int // the length of the current line
	depth int // the number of open literals
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

// literal writes a literal with the given content; after is the text that follows it.
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

// closing splits text at the mark that closes the literal in which text starts.
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

// inLine replaces marks with braces and removes the spaces and commas next to them that only a
// multi-line literal has.
var inLine = strings.NewReplacer(
	openMark+" ", "{", openMark, "{",
	", "+closeMark, "}", ","+closeMark, "}", " "+closeMark, "}", closeMark, "}",
)

// flatten joins the fields of a literal on one line.
func flatten(content string) string {
	lines := strings.Split(content, "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	flat := strings.Join(lines, " ")
	return strings.TrimSuffix(inLine.Replace(flat), ",")
}

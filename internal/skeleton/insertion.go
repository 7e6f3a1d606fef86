package skeleton

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// insertion is text to be inserted into a file.
type insertion struct {
	offset int
	text   string
}

// insert returns src with all insertions, those at the same place in their order.
func insert(src []byte, insertions []insertion) []byte {
	slices.SortStableFunc(insertions, func(a, b insertion) int { return cmp.Compare(a.offset, b.offset) })
	crlf := bytes.Count(src, []byte("\r\n"))*2 > bytes.Count(src, []byte("\n"))
	var out bytes.Buffer
	last := 0
	for _, in := range insertions {
		out.Write(src[last:in.offset])
		if crlf {
			in.text = strings.ReplaceAll(in.text, "\n", "\r\n")
		}
		out.WriteString(in.text)
		last = in.offset
	}
	out.Write(src[last:])
	return out.Bytes()
}

// tail returns what is inserted at the end of a file: declarations, an empty line before each.
func tail(src []byte, texts []string) string {
	end := bytes.Count(src[len(bytes.TrimRight(src, " \t\r\n")):], []byte("\n"))
	return strings.Repeat("\n", max(0, 2-end)) + strings.Join(texts, "\n\n") + "\n"
}

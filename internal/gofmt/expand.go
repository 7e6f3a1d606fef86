package gofmt

import "strings"

// expand breaks a line into several if gofmt does: at the braces of a function literal or a struct
// that is too long for one line. It returns the first line and the others.
func expand(line string) (first, rest string, isLong bool) {
	if open := strings.Index(line, " struct{ "); open >= 0 && strings.HasSuffix(line, " }") {
		field := strings.TrimSuffix(line[open+len(" struct{ "):], " }")
		_, typ, _ := strings.Cut(field, " ")
		const longest = 30
		if len(typ)+1 <= longest {
			return line, "", false
		}
		return line[:open] + " struct {", field + "\n}", true
	}
	start := strings.Index(line, "func(")
	if start < 0 || start > 0 && !strings.ContainsRune(" (", rune(line[start-1])) {
		return line, "", false
	}
	open := strings.Index(line[start:], " { ")
	if open < 0 {
		return line, "", false
	}
	open += start
	end := strings.Index(line[open:], " }")
	if end < 0 {
		return line, "", false
	}
	end += open
	body := line[open+len(" { ") : end]
	const longest = 100
	if open-start+len(body) <= longest {
		return line, "", false
	}
	return line[:open] + " {", body + "\n" + line[end+1:], true
}

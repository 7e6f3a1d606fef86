package model

import (
	"strings"
)

// wrap breaks a text into the lines of a comment.
func wrap(text string) []string {
	const longest = 97
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > longest {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

func capitalized(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// article returns the indefinite article for a name.
func article(name string) string {
	if strings.ContainsAny(name[:min(1, len(name))], "AEIO") {
		return "an"
	}
	return "a"
}

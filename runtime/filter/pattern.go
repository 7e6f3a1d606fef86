package filter

import "strings"

// matches reports whether text consists of the pieces of a pattern, in order, with anything between
// them.
func matches(pattern []string, text string) bool {
	if len(pattern) == 1 {
		return text == pattern[0]
	}
	rest, ok := strings.CutPrefix(text, pattern[0])
	if !ok {
		return false
	}
	last := len(pattern) - 1
	for _, piece := range pattern[1:last] {
		// The first match is best, because it leaves the most text for later pieces.
		_, behind, found := strings.Cut(rest, piece)
		if !found {
			return false
		}
		rest = behind
	}
	return strings.HasSuffix(rest, pattern[last])
}

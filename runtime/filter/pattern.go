package filter

import "strings"

// matches says whether a text is the pieces of a pattern, in their order, with anything between two of them.
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
		// The first place is as good as any later one, as it leaves the most for the pieces to come.
		_, behind, found := strings.Cut(rest, piece)
		if !found {
			return false
		}
		rest = behind
	}
	return strings.HasSuffix(rest, pattern[last])
}

// Package gomod reads the directives of go.mod and go.work files.
package gomod

import "strings"

// Directive is a line of a go.mod or go.work.
type Directive struct {
	Verb string // such as require, also in a block
	Args []string
	Line int // 1-based
}

// Directives returns the directives of a file. It ignores errors, which the go command reports.
func Directives(text string) (all []Directive) {
	block, n := "", 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "//")
		words := strings.Fields(line)
		for i, word := range words {
			words[i] = strings.Trim(word, "\"`")
		}
		switch {
		case len(words) == 0:
		case block != "" && words[0] == ")":
			block = ""
		case block == "" && len(words) == 2 && words[1] == "(":
			block = words[0]
		case block != "":
			all = append(all, Directive{block, words, n})
		default:
			all = append(all, Directive{words[0], words[1:], n})
		}
	}
	return all
}

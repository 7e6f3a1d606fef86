// Package golang is what the generator knows of Go and of its tools: which names and paths they
// accept, what a file's name means to them, and what gofmt makes of a text.
package golang

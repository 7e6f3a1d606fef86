// Package golang encodes what the generator must know about Go and its tools: which names and paths
// they accept, what a file name means to them, and how gofmt formats a text.
package golang

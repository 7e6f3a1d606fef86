// Package golang encodes what the generator must know about Go and its tools: names, import paths,
// file names and gofmt.
package golang

package golang

import (
	"bytes"
	"go/format"
)

// Format formats text until gofmt has nothing left to change. One pass is not enough if gofmt
// recognizes a heading in a comment only after it has separated the lines around it.
func Format(text []byte) ([]byte, error) {
	const enough = 4
	for range enough {
		formatted, err := format.Source(text)
		if err != nil || bytes.Equal(formatted, text) {
			return formatted, err
		}
		text = formatted
	}
	return text, nil
}

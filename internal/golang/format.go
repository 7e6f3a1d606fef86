package golang

import (
	"bytes"
	"go/format"
)

// Format formats text until that changes nothing, so that nobody's gofmt does. Once is not enough
// where gofmt sees a heading in a comment only after it has set apart what is around it.
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

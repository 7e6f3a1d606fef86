package fieldrules

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

const (
	// maxViolations is the maximum number of fields that one error names.
	maxViolations = 20
	// maxFieldPath is the approximate maximum length in bytes of a field path in an error.
	maxFieldPath = 200
)

// collector collects violations until there are as many as one error names. No text is made before
// there is a violation.
type collector struct {
	found []rpcerr.FieldViolation
	path  []pathStep // of the message that is looked at
}

// pathStep is a field, or one of the elements in it.
type pathStep struct {
	name     protoreflect.Name   // of the field; "" for the message that is looked at
	index    int                 // in a list, or noIndex
	key      protoreflect.MapKey // in a map, or not valid
	redacted bool                // keys from here on are confidential
}

// noIndex is the index of what is in no list.
const noIndex = -1

// full reports whether there is nothing more to look for.
func (c *collector) full() bool { return len(c.found) >= maxViolations }

// add adds a violation of a field in the message that is looked at.
func (c *collector) add(step pathStep, description, reason string) {
	if !c.full() {
		c.found = append(c.found, rpcerr.FieldViolation{Field: c.pathTo(step), Description: description, Reason: reason})
	}
}

// pathTo returns the path of a field in the message that is looked at; of a long one the first
// bytes.
func (c *collector) pathTo(last pathStep) string {
	var path []byte
	redacted := false
	for _, step := range c.path {
		redacted = redacted || step.redacted
		if path = append(step.appendTo(path, redacted), '.'); len(path) > maxFieldPath {
			break
		}
	}
	if last.name == "" {
		path = bytes.TrimSuffix(path, []byte("."))
	} else {
		path = last.appendTo(path, redacted || last.redacted)
	}
	if len(path) > maxFieldPath {
		return string(cutText(path, maxFieldPath)) + "..."
	}
	return string(path)
}

func (s pathStep) appendTo(path []byte, redacted bool) []byte {
	path = append(path, s.name...)
	switch {
	case s.index != noIndex:
		path = strconv.AppendInt(append(path, '['), int64(s.index), 10)
		return append(path, ']')
	case !s.key.IsValid():
		return path
	case redacted:
		return append(path, "[*]"...)
	}
	path = strconv.AppendQuote(append(path, '['), cutText(s.key.String(), maxFieldPath))
	return append(path, ']')
}

// cutText returns the first bytes of a text, without a part of a character at the end.
func cutText[T string | []byte](text T, size int) T {
	if len(text) <= size {
		return text
	}
	for size > 0 && !utf8.RuneStart(text[size]) {
		size--
	}
	return text[:size]
}

package jwtauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// object holds the members of a JSON object, each still encoded: what is nested is not decoded
// before the signature is verified. Names are compared exactly, unlike in encoding/json's structs.
type object map[string]json.RawMessage

// parseObject parses a JSON object. A name that occurs twice is an error, as is invalid UTF-8:
// another parser could see another value. The members share memory with data.
func parseObject(data []byte) (object, error) {
	switch {
	case !utf8.Valid(data):
		return nil, errors.New("invalid UTF-8")
	case !json.Valid(data):
		return nil, errors.New("invalid JSON")
	}
	rest := trimSpace(data)
	if rest[0] != '{' {
		return nil, errors.New("not a JSON object")
	}
	members := make(object, 12)
	for rest = trimSpace(rest[1:]); rest[0] != '}'; {
		var encoded, value []byte
		encoded, rest = cutValue(rest)
		name, _ := asText(encoded)
		value, rest = cutValue(trimSpace(trimSpace(rest)[1:])) // after the colon
		if _, ok := members[name]; ok {
			return nil, fmt.Errorf("two members %s", quoted(name))
		}
		members[name] = value
		if rest = trimSpace(rest); rest[0] == ',' {
			rest = trimSpace(rest[1:])
		}
	}
	return members, nil
}

func trimSpace(data []byte) []byte { return bytes.TrimLeft(data, " \t\r\n") }

// cutValue splits valid JSON after its first value.
func cutValue(data []byte) (value, rest []byte) {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i += endOfString(data[i:])
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default: // a part of a number or a word, or between values
			if depth > 0 || !endsWord(data[i+1:]) {
				continue
			}
		}
		if depth == 0 {
			return data[:i+1], data[i+1:]
		}
	}
	return data, nil
}

// endsWord reports whether a number or a word ends before data.
func endsWord(data []byte) bool {
	return len(data) == 0 || strings.IndexByte(",}] \t\r\n", data[0]) >= 0
}

// endOfString returns the position of the quote that ends the string that data starts with.
func endOfString(data []byte) int {
	for i := 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(data) - 1
}

// text returns a member that is a string; "" if there is none. A member of another type is an
// error.
func (o object) text(name string) (string, error) {
	raw, ok := o[name]
	if !ok {
		return "", nil
	}
	text, ok := asText(raw)
	if !ok {
		return "", fmt.Errorf("%s is not a string", name)
	}
	return text, nil
}

// texts returns a member that is a string or an array of strings.
func (o object) texts(name string) ([]string, error) {
	raw, ok := o[name]
	if !ok {
		return nil, nil
	}
	if text, ok := asText(raw); ok {
		return []string{text}, nil
	}
	list, ok := asTexts(raw)
	if !ok {
		return nil, fmt.Errorf("%s is not a string or an array of strings", name)
	}
	return list, nil
}

// asText returns a JSON string.
func asText(raw json.RawMessage) (text string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	return text, json.Unmarshal(raw, &text) == nil
}

// asTexts returns a JSON array of strings.
func asTexts(raw json.RawMessage) (list []string, ok bool) {
	var elements []json.RawMessage
	if len(raw) == 0 || raw[0] != '[' || json.Unmarshal(raw, &elements) != nil {
		return nil, false
	}
	list = make([]string, len(elements))
	for i, element := range elements {
		if list[i], ok = asText(element); !ok {
			return nil, false
		}
	}
	return list, true
}

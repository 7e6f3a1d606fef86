package overrides

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// member is a member of a JSON object, or an element of an array.
type member struct {
	name string
	at   int // the offset of the name or the element
	text json.RawMessage
	from int // the offset of text
}

// membersOf returns the members of a JSON object, including those with a duplicate name; a Go map
// would keep only the last. Offsets are those in text plus base.
func membersOf(text []byte, base int) (members []member, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, cmp.Or(err, errors.New("it does not begin with {"))
	}
	for d.More() {
		m := member{at: base + skipTo(text, int(d.InputOffset()), '"')}
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		m.name, _ = name.(string)
		if err := d.Decode(&m.text); err != nil {
			return nil, err
		}
		m.locate(text, base, int(d.InputOffset()))
		members = append(members, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows its end")
	}
	return members, nil
}

// locate replaces the member's copy of its text by the text itself, which ends at end.
func (m *member) locate(text []byte, base, end int) {
	from := end - len(m.text)
	m.text, m.from = text[from:end:end], base+from
}

// elementsOf returns the elements of a JSON array; nil if text is none.
func elementsOf(text []byte, base int) (elements []member) {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return nil
	}
	for d.More() {
		var m member
		if d.Decode(&m.text) != nil {
			return nil
		}
		m.locate(text, base, int(d.InputOffset()))
		m.at = m.from
		elements = append(elements, m)
	}
	return elements
}

// skipTo returns the offset of the next c in text, or its length.
func skipTo(text []byte, from int, c byte) int {
	if i := bytes.IndexByte(text[from:], c); i >= 0 {
		return from + i
	}
	return len(text)
}

// locate returns the offset of a field such as "rate[1].burst" in an entry, or that of what
// encloses it if the entry does not have the field.
func locate(m member, field string) int {
	between := func(r rune) bool { return strings.ContainsRune(".[]", r) }
	for step := range strings.FieldsFuncSeq(field, between) {
		next, found := within(m, step)
		if !found {
			break
		}
		m = next
	}
	return m.at
}

// within returns the member or the element of m that a step of a path names.
func within(m member, step string) (member, bool) {
	if i, err := strconv.Atoi(step); err == nil {
		if elements := elementsOf(m.text, m.from); i < len(elements) {
			return elements[i], true
		}
		return m, false
	}
	members, _ := membersOf(m.text, m.from)
	for _, inner := range members {
		if strings.EqualFold(strings.ReplaceAll(inner.name, "_", ""), strings.ReplaceAll(step, "_", "")) {
			return inner, true
		}
	}
	return m, false
}

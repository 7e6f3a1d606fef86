package page

import (
	"encoding/binary"
	"math"
	"time"
)

func appendBool(text []byte, b bool) []byte {
	if b {
		return append(text, tagTrue)
	}
	return append(text, tagFalse)
}

func appendInt(text []byte, n int64) []byte { return binary.AppendVarint(append(text, tagInt), n) }

func appendUint(text []byte, n uint64) []byte { return binary.AppendUvarint(append(text, tagUint), n) }

func appendCount(text []byte, tag byte, n int) []byte {
	return binary.AppendUvarint(append(text, tag), uint64(n))
}

func appendFloat(text []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint64(append(text, tagFloat), math.Float64bits(f))
}

func appendText[S string | []byte](text []byte, tag byte, s S) []byte {
	return append(appendCount(text, tag, len(s)), s...)
}

func appendTime(text []byte, t time.Time) []byte {
	text = binary.AppendVarint(append(text, tagTime), t.Unix())
	return binary.AppendUvarint(text, uint64(t.Nanosecond()))
}

// parseTag returns the text after a tag.
func parseTag(text []byte, tag byte) ([]byte, error) {
	if len(text) == 0 || text[0] != tag {
		return nil, errPosition
	}
	return text[1:], nil
}

func parseInt(text []byte, tag byte) (int64, []byte, error) {
	text, err := parseTag(text, tag)
	n, size := binary.Varint(text)
	if err != nil || size <= 0 {
		return 0, nil, errPosition
	}
	return n, text[size:], nil
}

func parseUint(text []byte, tag byte) (uint64, []byte, error) {
	text, err := parseTag(text, tag)
	n, size := binary.Uvarint(text)
	if err != nil || size <= 0 {
		return 0, nil, errPosition
	}
	return n, text[size:], nil
}

// parseCount parses a number of elements, each of which takes at least one byte.
func parseCount(text []byte, tag byte) (int, []byte, error) {
	n, rest, err := parseUint(text, tag)
	if err != nil || n > uint64(len(rest)) {
		return 0, nil, errPosition
	}
	return int(n), rest, nil
}

func parseFloat(text []byte) (float64, []byte, error) {
	text, err := parseTag(text, tagFloat)
	if err != nil || len(text) < 8 {
		return 0, nil, errPosition
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(text)), text[8:], nil
}

// parseText parses a string. The result shares the token's memory.
func parseText(text []byte, tag byte) (s, rest []byte, err error) {
	n, text, err := parseCount(text, tag)
	if err != nil {
		return nil, nil, err
	}
	return text[:n], text[n:], nil
}

func parseTime(text []byte) (time.Time, []byte, error) {
	seconds, text, err := parseInt(text, tagTime)
	nanos, size := binary.Uvarint(text)
	if err != nil || size <= 0 || nanos >= uint64(time.Second) {
		return time.Time{}, nil, errPosition
	}
	return time.Unix(seconds, int64(nanos)).UTC(), text[size:], nil
}

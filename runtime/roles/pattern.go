package roles

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxName is the maximum length of the name of a resource in bytes. Nothing is granted on a
	// longer one.
	maxName = 4096
	// maxSegments is the maximum number of segments of a pattern.
	maxSegments = 32
)

// pattern matches names of resources by their segments: "shops/*/orders/{principal}".
type pattern struct {
	segments []segment
	below    bool // whether it ends with **, and matches what is below its segments
}

// segment is a part of a pattern between slashes.
type segment struct {
	kind kind
	text string
}

type kind int

const (
	literal   kind = iota
	anything       // *, one segment
	principal      // {principal}
)

// parsePattern parses a pattern.
func parsePattern(text string) (p pattern, err error) {
	parts := strings.Split(text, "/")
	if len(parts) > maxSegments {
		return p, fmt.Errorf("%.100q has %d segments; use at most %d", text, len(parts), maxSegments)
	}
	for i, part := range parts {
		switch {
		case part == "**" && i == len(parts)-1:
			p.below = true
		case part == "**":
			return p, fmt.Errorf("%.100q has ** before its end; ** stands for the rest of a name", text)
		case part == "*":
			p.segments = append(p.segments, segment{kind: anything})
		case part == "{principal}":
			p.segments = append(p.segments, segment{kind: principal})
		case strings.ContainsAny(part, "*{}"):
			return p, fmt.Errorf("%.100q has the segment %.100q; a segment is a text, *, ** or {principal}",
				text, part)
		default:
			if err := checkSegment(part); err != nil {
				return p, fmt.Errorf("%.100q matches nothing: %w", text, err)
			}
			p.segments = append(p.segments, segment{text: part})
		}
	}
	return p, nil
}

// matches reports whether the pattern matches a name that [isName] accepts. {principal} stands for
// variable, and matches nothing if that cannot be a segment.
func (p *pattern) matches(name, variable string) bool {
	for _, s := range p.segments {
		if name == "" {
			return false
		}
		part, rest, _ := strings.Cut(name, "/")
		switch s.kind {
		case literal:
			if part != s.text {
				return false
			}
		case principal:
			if part != variable { // part has no slash
				return false
			}
		}
		name = rest
	}
	return (name != "") == p.below
}

// isName reports whether a text is the name of a resource: segments between single slashes. What
// another program might read as another name is none: empty segments, "." and "..", percent
// signs, backslashes, spaces and control characters.
func isName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if checkSegment(part) != nil {
			return false
		}
	}
	return true
}

var (
	errEmptySegment = errors.New("it has an empty segment")
	errDots         = errors.New(`it has the segment "." or ".."`)
	errCharacter    = errors.New("it has a percent sign, a backslash, a space, or a character " +
		"that is not visible")
)

// checkSegment returns why a text cannot be a segment of a name.
func checkSegment(part string) error {
	switch part {
	case "":
		return errEmptySegment
	case ".", "..":
		return errDots
	}
	for _, r := range part {
		if r <= ' ' || r == '%' || r == '\\' || r == 0x7f || r > 0x7e && isInvisible(r) {
			return errCharacter
		}
	}
	return nil
}

// isInvisible reports whether a character outside ASCII may be read as another or as none.
func isInvisible(r rune) bool {
	return r == utf8.RuneError || !unicode.IsGraphic(r) || unicode.IsSpace(r)
}

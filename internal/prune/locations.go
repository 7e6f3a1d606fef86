package prune

import "bytes"

// The numbers of the fields of a SourceCodeInfo.
const (
	locationField = 1
	pathField     = 1 // SourceCodeInfo.Location
	spanField     = 2
)

// The first elements of the paths of messages, services and options of a file, such as go_package.
const (
	messagePath = 4
	servicePath = 6
	optionsPath = 8
)

// pruneInfo returns an encoded SourceCodeInfo without the locations that nothing reads: those of
// all but services, RPCs, options of files, and what a comment deprecates. These have the paths in
// deprecated.
func pruneInfo(in []byte, deprecated map[string]bool) (out []byte, ok bool) {
	for rest := in; len(rest) > 0; {
		f, ok := next(&rest)
		if !ok {
			return nil, false
		}
		if f.number != locationField || !f.isBytes {
			out = append(out, f.raw...)
			continue
		}
		path, ok := pathOf(f.value)
		if !ok {
			return nil, false
		}
		isRead := len(path) > 0 && (path[0] == servicePath || path[0] == optionsPath)
		if isRead || deprecated[string(path)] {
			out = append(out, f.raw...)
		}
	}
	return out, true
}

// addDeprecated records what the comments in an encoded SourceCodeInfo may deprecate.
func (f *file) addDeprecated(info []byte) (ok bool) {
	word := []byte("Deprecated:")
	if !bytes.Contains(info, word) {
		return true
	}
	if f.deprecated == nil {
		f.deprecated = make(map[string]bool)
	}
	for len(info) > 0 {
		d, ok := next(&info)
		if !ok {
			return false
		}
		if d.number == locationField && d.isBytes && bytes.Contains(d.value, word) {
			path, _ := pathOf(d.value)
			f.deprecated[string(path)] = true
			f.deprecatesTypes = f.deprecatesTypes || len(path) > 0 && path[0] == messagePath
		}
	}
	return true
}

// pathOf returns the encoded path of a location. It reports false if a compiler would have written
// the location in another way: the decoder or package protogen may then reject it.
func pathOf(location []byte) (path []byte, ok bool) {
	if path, ok := shortPathOf(location); ok {
		return path, true
	}
	paths, spans := 0, 0
	for len(location) > 0 {
		f, ok := next(&location)
		if !ok {
			return nil, false
		}
		switch f.number {
		case pathField:
			path = f.value
			paths++
			if _, ok := count(f); !ok {
				return nil, false
			}
		case spanField:
			spans++
			if n, ok := count(f); !ok || n != 3 && n != 4 {
				return nil, false
			}
		}
	}
	return path, paths <= 1 && spans == 1
}

// shortPathOf is pathOf for the form that most locations have: a path and a span of numbers below
// 128, without comments.
func shortPathOf(location []byte) (path []byte, ok bool) {
	const pathTag, spanTag, first = pathField<<3 | 2, spanField<<3 | 2, 2
	if len(location) < first || location[0] != pathTag {
		return nil, false
	}
	length := int(location[1])
	if length >= 1<<7 || len(location) < first+length+first {
		return nil, false
	}
	path, rest := location[first:first+length], location[first+length:]
	if rest[0] != spanTag || rest[1] != 3 && rest[1] != 4 || len(rest) != first+int(rest[1]) {
		return nil, false
	}
	for _, b := range location[:first+length] {
		if b >= 1<<7 {
			return nil, false
		}
	}
	for _, b := range rest {
		if b >= 1<<7 {
			return nil, false
		}
	}
	return path, true
}

package policy

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// placesIn returns where fields of an option are set: ext in the options, field number options, of desc. Where the source
// says that of the whole option only, it is where that begins, or else desc.
func placesIn(desc protoreflect.Descriptor, options protoreflect.FieldNumber, ext protoreflect.ExtensionType) func(field string) diag.Position {
	return func(field string) diag.Position {
		file := desc.ParentFile()
		locations := file.SourceLocations()
		at := locations.ByDescriptor(desc)
		if at.Path == nil {
			return diag.At(file.Path())
		}
		option := append(slices.Clone(at.Path), int32(options), int32(ext.TypeDescriptor().Number()))
		if loc, found := findLocation(locations, option, numbersOf(field, ext.TypeDescriptor().Message())); found {
			at = loc
		}
		return diag.Position{Path: file.Path(), Line: at.StartLine + 1, Column: at.StartColumn + 1}
	}
}

// findLocation returns the location of a field of an option: its own, that of the first field in it, or that of what it is in.
func findLocation(locations protoreflect.SourceLocations, option, field protoreflect.SourcePath) (loc protoreflect.SourceLocation, found bool) {
	path := append(option, field...)
	for ; len(path) >= len(option); path = path[:len(path)-1] {
		if loc := locations.ByPath(path); loc.Path != nil {
			return loc, true
		}
	}
	path = append(option, field[:min(1, len(field))]...)
	for i := range locations.Len() {
		if loc := locations.Get(i); len(loc.Path) > len(path) && slices.Equal(loc.Path[:len(path)], path) {
			return loc, true
		}
	}
	return loc, false
}

// numbersOf returns the path of source locations to a field such as "rate[1].burst", as far as it is known.
func numbersOf(field string, message protoreflect.MessageDescriptor) (path protoreflect.SourcePath) {
	for name := range strings.SplitSeq(field, ".") {
		name, index, isElement := strings.Cut(strings.TrimSuffix(name, "]"), "[")
		if message == nil {
			return path
		}
		fd := message.Fields().ByName(protoreflect.Name(name))
		if fd == nil {
			return path
		}
		path = append(path, int32(fd.Number()))
		if n, err := strconv.ParseInt(index, 10, 32); isElement && err == nil {
			path = append(path, int32(n))
		}
		message = fd.Message()
	}
	return path
}

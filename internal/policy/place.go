package policy

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// placesIn returns a function that locates the fields of the option ext, which is set in the
// "options" field of desc. The number of that field is options. If only the position of the whole
// option is known, the function returns that one, or else the position of desc.
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

// findLocation returns the location of a field of an option: its own, or that of the closest
// enclosing field, or else the first one inside it.
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

// numbersOf converts a field such as "rate[1].burst" to a source path, as far as the names are
// known.
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

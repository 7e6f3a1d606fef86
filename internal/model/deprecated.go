package model

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

// isDeprecated reports whether desc is deprecated, by its option or by its comment.
func isDeprecated(desc protoreflect.Descriptor, comment string) bool {
	options, ok := desc.Options().(interface{ GetDeprecated() bool })
	return ok && options.GetDeprecated() || saysDeprecated(commentLines(comment))
}

// deprecationOf returns the deprecation sentence of a service or an RPC, or "". A deprecated file
// deprecates its services, but not their Go package, which other files may share.
func deprecationOf(desc protoreflect.Descriptor, doc []string) string {
	file := desc.ParentFile()
	_, isService := desc.(protoreflect.ServiceDescriptor)
	switch {
	case isDeprecated(desc, "") || saysDeprecated(doc):
		return "Marked as deprecated in " + file.Path() + "."
	case isService && isDeprecated(file, ""):
		return "The entire proto file " + file.Path() + " is marked as deprecated."
	default:
		return ""
	}
}

// withDeprecation returns doc with a deprecation paragraph appended, unless doc already has one or
// the sentence is "".
func withDeprecation(doc []string, sentence string) []string {
	if sentence == "" || saysDeprecated(doc) {
		return doc
	}
	return append(doc, "", "Deprecated: "+sentence)
}

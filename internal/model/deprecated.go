package model

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

// isDeprecated reports whether desc is deprecated, by its option or by its comment.
func isDeprecated(desc protoreflect.Descriptor, comment string) bool {
	options, ok := desc.Options().(interface{ GetDeprecated() bool })
	return ok && options.GetDeprecated() || saysDeprecated(commentLines(comment))
}

// deprecationOf returns the sentence that says that a service or an RPC is deprecated, or "". The services of a deprecated
// file are deprecated, and not their package, which may have other files.
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

// withDeprecation returns doc with a paragraph of the sentence, unless it has one of its own.
func withDeprecation(doc []string, sentence string) []string {
	if sentence == "" || saysDeprecated(doc) {
		return doc
	}
	return append(doc, "", "Deprecated: "+sentence)
}

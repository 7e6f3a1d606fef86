package model

import (
	"google.golang.org/protobuf/compiler/protogen"
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

// namesDeprecated reports whether code for s names a deprecated message or imports a deprecated package.
func (r *request) namesDeprecated(s source) bool {
	if r.packages[s.GoImportPath].deprecated {
		return true
	}
	for _, svc := range s.Services {
		for _, m := range svc.Methods {
			if r.isDeprecatedMessage(m.Input) || r.isDeprecatedMessage(m.Output) {
				return true
			}
		}
	}
	return false
}

func (r *request) isDeprecatedMessage(m *protogen.Message) bool {
	return r.packages[m.GoIdent.GoImportPath].deprecated || isDeprecated(m.Desc, string(m.Comments.Leading))
}

// markDeprecated notes which of the two outputs name something deprecated. A package may name what it declares itself; so
// it is for the test package that a deprecated service or RPC counts.
func (f *File) markDeprecated(byMessages bool) {
	f.Service.Deprecated = byMessages
	f.Test.Deprecated = byMessages
	for _, service := range f.Services {
		for _, m := range service.Methods {
			f.Service.Deprecated = f.Service.Deprecated || m.Helper != nil && m.Helper.Deprecated
		}
		f.Test.Deprecated = f.Test.Deprecated || service.Deprecated != ""
		for _, m := range service.Methods {
			f.Test.Deprecated = f.Test.Deprecated || m.Deprecated != ""
		}
	}
}

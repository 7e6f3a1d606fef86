package policy

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// messages holds all messages of a run, keyed by full name.
type messages map[protoreflect.FullName]protoreflect.MessageDescriptor

func messagesOf(files []*protogen.File) messages {
	all := make(messages)
	for _, f := range files {
		all.add(f.Desc.Messages())
	}
	return all
}

func (all messages) add(list protoreflect.MessageDescriptors) {
	for i := range list.Len() {
		all[list.Get(i).FullName()] = list.Get(i)
		all.add(list.Get(i).Messages())
	}
}

// seenFrom returns a function that finds the messages visible to a file: its own, and those of all
// files that it imports. The other messages of a run depend on how the plugin was invoked, and the
// generated code must not.
func (all messages) seenFrom(file protoreflect.FileDescriptor) func(protoreflect.FullName) protoreflect.MessageDescriptor {
	var seen map[string]bool
	return func(name protoreflect.FullName) protoreflect.MessageDescriptor {
		found := all[name]
		if found == nil {
			return nil
		}
		if seen == nil {
			seen = make(map[string]bool)
			addImports(seen, file)
		}
		if !seen[found.ParentFile().Path()] {
			return nil
		}
		return found
	}
}

func addImports(seen map[string]bool, file protoreflect.FileDescriptor) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	for i := range file.Imports().Len() {
		addImports(seen, file.Imports().Get(i).FileDescriptor)
	}
}

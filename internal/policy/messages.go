package policy

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// messages are all messages of a run, by their full names.
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

// seenFrom returns the function that finds the messages that a file sees: its own, and those of all that it imports. What a run
// has beyond these depends on how it was called, and what is generated must not.
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

package largetree

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// locate adds the source locations that a compiler writes for a file: one for each element and each
// of its fields, in the order of the source, and comments for those with a name.
func locate(f *descriptorpb.FileDescriptorProto) {
	l := &locator{info: &descriptorpb.SourceCodeInfo{}}
	l.message(nil, f.ProtoReflect())
	f.SourceCodeInfo = l.info
}

type locator struct{ info *descriptorpb.SourceCodeInfo }

// message adds the locations of a message of the descriptor, which is at path.
func (l *locator) message(path []int32, m protoreflect.Message) {
	l.add(path, m)
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if !m.Has(fd) {
			continue
		}
		at := append(slices.Clone(path), int32(fd.Number()))
		switch {
		case fd.IsList() && fd.Message() != nil:
			for j := range m.Get(fd).List().Len() {
				l.message(append(slices.Clone(at), int32(j)), m.Get(fd).List().Get(j).Message())
			}
		case fd.Message() != nil:
			l.message(at, m.Get(fd).Message())
		default:
			l.add(at, nil)
		}
	}
}

// add adds a location, with a comment if m has a name.
func (l *locator) add(path []int32, m protoreflect.Message) {
	line := int32(len(l.info.Location))
	location := &descriptorpb.SourceCodeInfo_Location{Path: path, Span: []int32{line, 2, 40}}
	if m != nil {
		if name := m.Descriptor().Fields().ByName("name"); name != nil && m.Has(name) && len(path) > 0 {
			location.LeadingComments = proto.String(fmt.Sprintf(" This is %s. It belongs to a resource in the project\n"+
				" and the location that the request names. Callers need the permission of\n"+
				" its parent. See [Name] for how it is written.\n\n It is output only.\n", m.Get(name)))
		}
	}
	l.info.Location = append(l.info.Location, location)
}

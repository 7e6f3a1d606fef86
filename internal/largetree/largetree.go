// Package largetree makes requests with the shape of googleapis, for tests and benchmarks.
package largetree

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// apiFiles is how many files an API has: types, each file of which imports the one before, and a
// file with services.
const apiFiles = 5

// servicesOfBiggest is how many services the biggest file has.
const servicesOfBiggest = 125

// Request returns a request for about so many files. Every fifth has services, most of them one;
// one file has 125. Files have the comments and positions that a compiler writes.
func Request(files int) *pluginpb.CodeGeneratorRequest {
	request := &pluginpb.CodeGeneratorRequest{Parameter: proto.String("paths=source_relative")}
	add := func(f *descriptorpb.FileDescriptorProto) {
		locate(f)
		request.ProtoFile = append(request.ProtoFile, f)
		request.FileToGenerate = append(request.FileToGenerate, f.GetName())
	}
	for n := 0; n*apiFiles < files; n++ {
		pkg := fmt.Sprintf("tree.area%d.api%d.v1", n/20, n)
		var before string
		for i := range apiFiles - 1 {
			types := typesFile(pkg, i, before)
			before = types.GetName()
			add(types)
		}
		services := 1
		if n == 1 {
			services = servicesOfBiggest
		}
		add(servicesFile(pkg, before, services))
	}
	return request
}

func newFile(pkg, name, dependency string) *descriptorpb.FileDescriptorProto {
	dir := strings.ReplaceAll(pkg, ".", "/")
	f := &descriptorpb.FileDescriptorProto{
		Name: proto.String(dir + "/" + name + ".proto"), Package: proto.String(pkg), Syntax: proto.String("proto3"),
		Options: &descriptorpb.FileOptions{GoPackage: proto.String("example.com/" + dir + ";apiv1")},
	}
	if dependency != "" {
		f.Dependency = []string{dependency}
	}
	return f
}

// typesFile returns a file of messages that refer to those of the file before.
func typesFile(pkg string, i int, before string) *descriptorpb.FileDescriptorProto {
	f := newFile(pkg, fmt.Sprintf("types%d", i), before)
	for j := range 8 {
		message := newMessage(fmt.Sprintf("Type%dX%d", i, j), "name", "display_name", "etag", "description")
		if before != "" {
			message.Field = append(message.Field, field(pkg, "part", 5, fmt.Sprintf("Type%dX%d", i-1, j), false))
		}
		if j == 0 {
			message.Field = append(message.Field, field(pkg, "self", 6, message.GetName(), true))
		}
		f.MessageType = append(f.MessageType, message)
	}
	f.EnumType = []*descriptorpb.EnumDescriptorProto{{
		Name: proto.String(fmt.Sprintf("State%d", i)),
		Value: []*descriptorpb.EnumValueDescriptorProto{
			{Name: proto.String(fmt.Sprintf("STATE%d_UNSPECIFIED", i)), Number: proto.Int32(0)},
			{Name: proto.String(fmt.Sprintf("STATE%d_ACTIVE", i)), Number: proto.Int32(1)},
		},
	}}
	return f
}

// servicesFile returns a file with services whose RPCs are those of a resource.
func servicesFile(pkg, before string, services int) *descriptorpb.FileDescriptorProto {
	f := newFile(pkg, "service", before)
	const item = "Type3X0"
	for n := range services {
		name := fmt.Sprintf("Thing%d", n)
		service := &descriptorpb.ServiceDescriptorProto{Name: proto.String(name + "Service")}
		add := func(rpc, output string, request *descriptorpb.DescriptorProto) {
			request.Name = proto.String(rpc + "Request")
			f.MessageType = append(f.MessageType, request)
			service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
				Name: proto.String(rpc), InputType: proto.String("." + pkg + "." + request.GetName()),
				OutputType: proto.String("." + pkg + "." + output),
			})
		}
		list := newMessage("List"+name+"sResponse", "next_page_token")
		list.Field = append(list.Field, field(pkg, "things", 2, item, true))
		batch := newMessage("BatchGet" + name + "sResponse")
		batch.Field = append(batch.Field, field(pkg, "things", 1, item, true))
		f.MessageType = append(f.MessageType, list, batch)
		names := newMessage("", "parent", "names")
		names.Field[1].Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		size := newMessage("", "parent", "page_token", "page_size")
		size.Field[2].Type = descriptorpb.FieldDescriptorProto_TYPE_INT32.Enum()
		add("Get"+name, item, newMessage("", "name"))
		add("List"+name+"s", list.GetName(), size)
		add("BatchGet"+name+"s", batch.GetName(), names)
		add("Create"+name, item, newMessage("", "parent", "request_id"))
		add("Watch"+name, item, newMessage("", "name", "resume_token"))
		service.Method[len(service.Method)-1].ServerStreaming = proto.Bool(true)
		f.Service = append(f.Service, service)
	}
	return f
}

// newMessage returns a message with string fields.
func newMessage(name string, fields ...string) *descriptorpb.DescriptorProto {
	message := &descriptorpb.DescriptorProto{Name: proto.String(name)}
	for i, f := range fields {
		message.Field = append(message.Field, field("", f, i+1, "", false))
	}
	return message
}

// field returns a field of a message type, or of type string if message is "".
func field(pkg, name string, number int, message string, isList bool) *descriptorpb.FieldDescriptorProto {
	f := &descriptorpb.FieldDescriptorProto{
		Name: proto.String(name), Number: proto.Int32(int32(number)),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		Type:  descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
	}
	if isList {
		f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	}
	if message != "" {
		f.Type = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum()
		f.TypeName = proto.String("." + pkg + "." + message)
	}
	return f
}

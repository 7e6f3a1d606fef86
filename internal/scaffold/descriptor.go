package scaffold

import (
	_ "embed"
	"strings"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// serviceDescriptor is the descriptor of service.proto.tmpl with [placeholders] as its names, in the
// text format. TestDescriptor writes it.
//
//go:embed files/service.txtpb
var serviceDescriptor []byte

// placeholders are names that occur nowhere else in the proto, and none in another.
var placeholders = names{
	Module: "module.invalid/zzmodule", Package: "zzpackage.v1", Dir: "zzpackage/v1", Proto: "zzpackage/v1/zzfile.proto",
	GoPackage: "zzgopackage", Type: "ZzType", Item: "ZzItem", Items: "ZzPlural",
	Field: "zzfield", Fields: "zzplural", Noun: "zznoun", Nouns: "zzmany",
}

// request returns what buf sends to a plugin for the proto of the service.
func (n names) request(parameter string) (*pluginpb.CodeGeneratorRequest, error) {
	file := &descriptorpb.FileDescriptorProto{}
	if err := prototext.Unmarshal(serviceDescriptor, file); err != nil {
		return nil, err
	}
	n.rename(file.ProtoReflect())
	return &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{n.Proto},
		ProtoFile: []*descriptorpb.FileDescriptorProto{
			protodesc.ToFileDescriptorProto(descriptorpb.File_google_protobuf_descriptor_proto),
			protodesc.ToFileDescriptorProto(grpcservicev1.File_grpcservice_v1_options_proto),
			file,
		},
		Parameter: proto.String(parameter),
	}, nil
}

// rename replaces the placeholders in all texts of a message.
func (n names) rename(m protoreflect.Message) {
	replacer := n.replacer()
	var rename func(protoreflect.Message)
	rename = func(m protoreflect.Message) {
		m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
			switch {
			case field.IsList() && field.Kind() == protoreflect.MessageKind:
				for i := range value.List().Len() {
					rename(value.List().Get(i).Message())
				}
			case field.IsList() && field.Kind() == protoreflect.StringKind:
				for i := range value.List().Len() {
					value.List().Set(i, protoreflect.ValueOfString(replacer.Replace(value.List().Get(i).String())))
				}
			case field.Kind() == protoreflect.MessageKind:
				rename(value.Message())
			case field.Kind() == protoreflect.StringKind:
				m.Set(field, protoreflect.ValueOfString(replacer.Replace(value.String())))
			}
			return true
		})
		if field, ok := m.Interface().(*descriptorpb.FieldDescriptorProto); ok {
			field.JsonName = proto.String(jsonName(field.GetName()))
		}
	}
	rename(m)
}

// replacer returns a replacer of placeholders. A placeholder that has another one in it precedes
// that.
func (n names) replacer() *strings.Replacer {
	p := placeholders
	return strings.NewReplacer(
		p.Proto, n.Proto, p.Module, n.Module, p.Package, n.Package, p.Dir, n.Dir, p.GoPackage, n.GoPackage,
		p.Type, n.Type, p.Items, n.Items, p.Item, n.Item, p.Fields, n.Fields, p.Field, n.Field,
		p.Nouns, n.Nouns, p.Noun, n.Noun,
	)
}

// jsonName returns the name of a field in JSON, as protoc derives it.
func jsonName(field string) string {
	var b strings.Builder
	up := false
	for _, r := range field {
		switch {
		case r == '_':
			up = true
		case up:
			b.WriteString(strings.ToUpper(string(r)))
			up = false
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Package prune removes from an encoded request what the generator does not read.
//
// Most of a request are comments and positions of messages and fields, and messages that no service
// needs. Decoding them takes more time and memory than everything that the generator makes of the
// rest.
//
// # Exactness
//
// A run with a pruned request that succeeds has the same result as one with the whole request.
//   - Only what is plain is removed: a declaration that the protobuf library accepts, whatever the
//     rest of the request is. See plain.go.
//   - A removed message changes no finding. [pattern.Pattern.Reads] is a necessary condition for
//     each pattern, and levels.go keeps what the patterns then look at.
//   - Comments and positions are kept where something reads them. See locations.go.
//
// If a run with a pruned request fails, the caller repeats it with the whole one.
package prune

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/pattern"
)

// The numbers of the fields of a CodeGeneratorRequest.
const (
	parameterField  = 2  // parameter
	protoFileField  = 15 // proto_file
	sourceFileField = 17 // source_file_descriptors
)

// Decode decodes a request without what the generator does not read. It reports false if the whole
// request is needed: if it does not decode, asks for a report, or has declarations in a form that no
// compiler writes. The patterns are those that the generator detects.
func Decode(
	in *Input, patterns []pattern.Pattern, options proto.UnmarshalOptions,
) (*pluginpb.CodeGeneratorRequest, bool) {
	if in.isBroken {
		return nil, false
	}
	var rest []byte
	var files [][]byte
	keepsTypes := false
	for _, f := range in.records {
		switch {
		case f.number == parameterField && f.isBytes:
			if bytes.Contains(f.value, []byte("report=")) {
				return nil, false
			}
			keepsTypes = keepsTypes || bytes.Contains(f.value, []byte("policy="))
			rest = append(rest, f.raw...)
		case f.number == sourceFileField && f.isBytes:
			if !isValid(fileDescriptor(), f.value, maxDepth) {
				return nil, false
			}
		case f.number == protoFileField && f.isBytes:
			files = append(files, f.value)
		default:
			rest = append(rest, f.raw...)
		}
	}
	request := &pluginpb.CodeGeneratorRequest{}
	if options.Unmarshal(rest, request) != nil {
		return nil, false
	}
	return request, addFiles(request, files, keepsTypes, patterns, options)
}

// addFiles decodes the files and adds them to a request. If keepsTypes, it keeps all messages.
func addFiles(
	request *pluginpb.CodeGeneratorRequest, files [][]byte, keepsTypes bool,
	patterns []pattern.Pattern, options proto.UnmarshalOptions,
) bool {
	g, ok := newGraph(files)
	if !ok || !g.setLevels(patterns, keepsTypes) {
		return false
	}
	var pruned []byte
	for i := range g.files {
		if pruned, ok = g.appendFile(pruned[:0], i); !ok {
			return false
		}
		file := &descriptorpb.FileDescriptorProto{}
		if options.Unmarshal(pruned, file) != nil {
			return false
		}
		request.ProtoFile = append(request.ProtoFile, file)
	}
	return true
}

func fileDescriptor() protoreflect.MessageDescriptor {
	return (&pluginpb.CodeGeneratorRequest{}).ProtoReflect().Descriptor().Fields().
		ByNumber(sourceFileField).Message()
}

// appendBytes appends a field of bytes to an encoded message.
func appendBytes(out []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(out, number, protowire.BytesType), value)
}

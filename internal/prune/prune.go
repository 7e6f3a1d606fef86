// Package prune removes from an encoded request what the generator does not read.
//
// Most of a request are comments and positions of messages and fields. Decoding them takes more
// time and memory than everything that the generator makes of the rest.
package prune

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// The numbers of the fields that are pruned, and of those that hold them.
const (
	parameterField  = 2  // CodeGeneratorRequest.parameter
	protoFileField  = 15 // CodeGeneratorRequest.proto_file
	sourceFileField = 17 // CodeGeneratorRequest.source_file_descriptors
	sourceInfoField = 9  // FileDescriptorProto.source_code_info
	locationField   = 1  // SourceCodeInfo.location
	pathField       = 1  // SourceCodeInfo.Location.path
	spanField       = 2  // SourceCodeInfo.Location.span
)

// The first elements of the paths of services and of options of a file, such as go_package.
const (
	servicePath = 6
	optionsPath = 8
)

// Request returns an encoded CodeGeneratorRequest without what the generator does not read: the
// files with options of retention SOURCE, and the source locations of all but services, RPCs,
// options of files, and what a comment deprecates. A file that may have error reasons keeps its
// locations.
//
// It returns in itself if that does not decode, or asks for a report.
func Request(in []byte) []byte {
	out := make([]byte, 0, len(in)/2)
	for rest := in; len(rest) > 0; {
		f, ok := next(&rest)
		if !ok {
			return in
		}
		switch {
		case f.number == parameterField && bytes.Contains(f.value, []byte("report=")):
			return in
		case f.number == sourceFileField && f.isBytes:
			if !isValid(fileDescriptor(), f.value, maxDepth) {
				return in
			}
		case f.number == protoFileField && f.isBytes:
			file, ok := pruneFile(f.value)
			if !ok {
				return in
			}
			out = protowire.AppendBytes(protowire.AppendTag(out, f.number, protowire.BytesType), file)
		default:
			out = append(out, f.raw...)
		}
	}
	return out
}

func fileDescriptor() protoreflect.MessageDescriptor {
	return (&pluginpb.CodeGeneratorRequest{}).ProtoReflect().Descriptor().Fields().
		ByNumber(sourceFileField).Message()
}

// pruneFile returns an encoded FileDescriptorProto without the locations that nothing reads.
func pruneFile(in []byte) (out []byte, ok bool) {
	if bytes.Contains(in, reasonsTag()) {
		return in, true
	}
	out = make([]byte, 0, len(in)/2)
	for rest := in; len(rest) > 0; {
		f, ok := next(&rest)
		if !ok {
			return nil, false
		}
		if f.number != sourceInfoField || !f.isBytes {
			out = append(out, f.raw...)
			continue
		}
		info, ok := pruneInfo(f.value)
		if !ok {
			return nil, false
		}
		out = protowire.AppendBytes(protowire.AppendTag(out, f.number, protowire.BytesType), info)
	}
	return out, true
}

// reasonsTag returns the bytes that set the option of enums of reasons contain.
func reasonsTag() []byte {
	number := grpcservicev1.E_Reasons.TypeDescriptor().Number()
	tag := protowire.AppendTag(nil, number, 0)
	return tag[1:] // the first byte depends on the wire type
}

// pruneInfo returns an encoded SourceCodeInfo without the locations that nothing reads.
func pruneInfo(in []byte) (out []byte, ok bool) {
	deprecated, ok := deprecatedPaths(in)
	if !ok {
		return nil, false
	}
	for rest := in; len(rest) > 0; {
		f, ok := next(&rest)
		if !ok {
			return nil, false
		}
		if f.number != locationField || !f.isBytes {
			out = append(out, f.raw...)
			continue
		}
		path, ok := pathOf(f.value)
		if !ok {
			return nil, false
		}
		isRead := len(path) > 0 && (path[0] == servicePath || path[0] == optionsPath)
		if isRead || deprecated[string(path)] {
			out = append(out, f.raw...)
		}
	}
	return out, true
}

// deprecatedPaths returns the encoded paths of the locations whose comments may deprecate
// something.
func deprecatedPaths(in []byte) (paths map[string]bool, ok bool) {
	word := []byte("Deprecated:")
	if !bytes.Contains(in, word) {
		return nil, true
	}
	paths = make(map[string]bool)
	for len(in) > 0 {
		f, ok := next(&in)
		if !ok {
			return nil, false
		}
		if f.number == locationField && f.isBytes && bytes.Contains(f.value, word) {
			path, _ := pathOf(f.value)
			paths[string(path)] = true
		}
	}
	return paths, true
}

// pathOf returns the encoded path of a location. It reports false if a compiler would have written
// the location in another way: the decoder or package protogen may then reject it.
func pathOf(location []byte) (path []byte, ok bool) {
	paths, spans := 0, 0
	for len(location) > 0 {
		f, ok := next(&location)
		if !ok {
			return nil, false
		}
		switch f.number {
		case pathField:
			path = f.value
			paths++
			if _, ok := count(f); !ok {
				return nil, false
			}
		case spanField:
			spans++
			if n, ok := count(f); !ok || n != 3 && n != 4 {
				return nil, false
			}
		}
	}
	return path, paths <= 1 && spans == 1
}

// count returns the length of a packed list of numbers, each encoded in as few bytes as possible.
func count(f field) (n int, ok bool) {
	for list := f.value; len(list) > 0; n++ {
		value, size := protowire.ConsumeVarint(list)
		if size < 0 || size != protowire.SizeVarint(value) {
			return n, false
		}
		list = list[size:]
	}
	return n, f.isBytes
}

// field is a field of an encoded message.
type field struct {
	number  protowire.Number
	isBytes bool
	value   []byte // of bytes
	raw     []byte // with its tag
}

// next removes the first field from b.
func next(b *[]byte) (f field, ok bool) {
	number, kind, tag := protowire.ConsumeTag(*b)
	if tag < 0 {
		return f, false
	}
	size := protowire.ConsumeFieldValue(number, kind, (*b)[tag:])
	if size < 0 {
		return f, false
	}
	f = field{number: number, isBytes: kind == protowire.BytesType, raw: (*b)[:tag+size]}
	if f.isBytes {
		f.value, _ = protowire.ConsumeBytes((*b)[tag:])
	}
	*b = (*b)[tag+size:]
	return f, true
}

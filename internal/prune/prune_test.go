package prune_test

import (
	"bytes"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/pattern/table"
	"github.com/grpcservice/grpcservice/internal/prune"
)

type location = descriptorpb.SourceCodeInfo_Location

func at(comment string, path ...int32) *location {
	l := &location{Path: path, Span: []int32{1, 2, 3}}
	if comment != "" {
		l.LeadingComments = proto.String(comment)
	}
	return l
}

func file(locations ...*location) *descriptorpb.FileDescriptorProto {
	return &descriptorpb.FileDescriptorProto{
		Name:           proto.String("a.proto"),
		MessageType:    []*descriptorpb.DescriptorProto{{Name: proto.String("M")}},
		SourceCodeInfo: &descriptorpb.SourceCodeInfo{Location: locations},
	}
}

func request(files ...*descriptorpb.FileDescriptorProto) *pluginpb.CodeGeneratorRequest {
	return &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{"a.proto"}, Parameter: proto.String("paths=source_relative"),
		ProtoFile: files, CompilerVersion: &pluginpb.Version{Major: proto.Int32(5)},
	}
}

// decode prunes an encoded request and decodes it. It checks that Whole returns the request.
func decode(t testing.TB, in []byte) (*pluginpb.CodeGeneratorRequest, bool) {
	t.Helper()
	read, err := prune.Read(iotest.OneByteReader(bytes.NewReader(in)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read.Whole(), in) {
		t.Errorf("%x is read as %x", in, read.Whole())
	}
	return prune.Decode(read, table.Patterns(), proto.UnmarshalOptions{})
}

func encode(t testing.TB, m proto.Message) []byte {
	t.Helper()
	encoded, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// TestLocations checks which locations are removed.
func TestLocations(t *testing.T) {
	whole := request(file(
		at(""), at("", 12), at(" M is one.", 4, 0), at("", 4, 0, 1), at(" Deprecated: no.", 4, 0, 2, 0),
		at("", 4, 0, 2, 0), at("", 4, 0, 2, 0, 1), at("", 5, 0), at(" S is one.", 6, 0),
		at(" Do does.", 6, 0, 2, 0), at("", 6, 0, 2, 0, 4, 1234), at("", 8), at("", 8, 11), at("", 7, 0),
	))
	whole.SourceFileDescriptors = []*descriptorpb.FileDescriptorProto{file(at(""))}
	want := request(file( // a comment deprecates a field: the messages stay
		at(" Deprecated: no.", 4, 0, 2, 0), at("", 4, 0, 2, 0), at(" S is one.", 6, 0),
		at(" Do does.", 6, 0, 2, 0), at("", 6, 0, 2, 0, 4, 1234), at("", 8), at("", 8, 11),
	))
	got, ok := decode(t, encode(t, whole))
	if !ok {
		t.Fatal("the whole request is needed")
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWhole checks the requests that stay whole.
func TestWhole(t *testing.T) {
	reported := request(file(at("")))
	reported.Parameter = proto.String("report=report.json")
	short := at("")
	short.Span = nil
	unpacked := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 4)
	long := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte{0x84, 0})
	for name, in := range map[string][]byte{
		"report":        encode(t, reported),
		"no span":       encode(t, request(file(short))),
		"not packed":    withLocation(t, unpacked),
		"long varint":   withLocation(t, long),
		"broken":        append(encode(t, request(file(at("")))), 0xff),
		"broken file":   append(encode(t, request(file(at("")))), 15<<3|2, 1, 1, 0xff),
		"broken source": append(encode(t, request(file(at("")))), 0x8a, 1, 3, 4<<3|2, 1, 0xff),
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := decode(t, in); ok {
				t.Errorf("it is pruned to %v", got)
			}
		})
	}
}

// withLocation returns a request with a location that has these bytes and a span.
func withLocation(t testing.TB, extra []byte) []byte {
	t.Helper()
	l := at("")
	l.ProtoReflect().SetUnknown(extra)
	return encode(t, request(file(l)))
}

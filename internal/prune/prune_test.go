package prune_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/prune"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
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

func encode(t testing.TB, m proto.Message) []byte {
	t.Helper()
	encoded, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// TestRequest checks what is removed.
func TestRequest(t *testing.T) {
	whole := request(file(
		at(""), at("", 12), at(" M is one.", 4, 0), at("", 4, 0, 1), at(" Deprecated: no.", 4, 0, 2, 0),
		at("", 4, 0, 2, 0), at("", 4, 0, 2, 0, 1), at("", 5, 0), at(" S is one.", 6, 0),
		at(" Do does.", 6, 0, 2, 0), at("", 6, 0, 2, 0, 4, 1234), at("", 8), at("", 8, 11), at("", 7, 0),
	))
	whole.SourceFileDescriptors = []*descriptorpb.FileDescriptorProto{file(at(""))}
	want := request(file(
		at(" Deprecated: no.", 4, 0, 2, 0), at("", 4, 0, 2, 0), at(" S is one.", 6, 0),
		at(" Do does.", 6, 0, 2, 0), at("", 6, 0, 2, 0, 4, 1234), at("", 8), at("", 8, 11),
	))
	got := &pluginpb.CodeGeneratorRequest{}
	if err := proto.Unmarshal(prune.Request(encode(t, whole)), got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWhole checks the requests that stay whole.
func TestWhole(t *testing.T) {
	reported := request(file(at("")))
	reported.Parameter = proto.String("report=report.json")
	options := &descriptorpb.EnumOptions{}
	proto.SetExtension(options, grpcservicev1.E_Reasons, &grpcservicev1.Reasons{})
	reasons := file(at("", 5, 0))
	reasons.EnumType = []*descriptorpb.EnumDescriptorProto{{Options: options}}
	short := at("")
	short.Span = nil
	unpacked := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 4)
	long := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte{0x84, 0})
	for name, in := range map[string][]byte{
		"report":        encode(t, reported),
		"reasons":       encode(t, request(reasons)),
		"no span":       encode(t, request(file(short))),
		"not packed":    withLocation(t, unpacked),
		"long varint":   withLocation(t, long),
		"broken":        append(encode(t, request(file(at("")))), 0xff),
		"broken file":   append(encode(t, request(file(at("")))), 15<<3|2, 1, 1, 0xff),
		"broken source": append(encode(t, request(file(at("")))), 0x8a, 1, 3, 4<<3|2, 1, 0xff),
	} {
		t.Run(name, func(t *testing.T) {
			if got := prune.Request(in); !bytes.Equal(got, in) {
				t.Errorf("%d of %d bytes are left", len(got), len(in))
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

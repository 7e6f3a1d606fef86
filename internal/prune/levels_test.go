package prune_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/grpcservice/grpcservice/internal/largetree"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// kept returns the names of the messages and enums that are left of a file, those with fields or
// values with a star.
func kept(t *testing.T, f *descriptorpb.FileDescriptorProto) string {
	t.Helper()
	got, ok := decode(t, encode(t, request(f)))
	if !ok {
		t.Fatal("the whole request is needed")
	}
	var names []string
	add := func(name string, isWhole bool) {
		if isWhole {
			name += "*"
		}
		names = append(names, name)
	}
	var addAll func(scope string, messages []*descriptorpb.DescriptorProto)
	addAll = func(scope string, messages []*descriptorpb.DescriptorProto) {
		for _, m := range messages {
			add(scope+m.GetName(), len(m.Field) > 0)
			for _, e := range m.EnumType {
				add(scope+m.GetName()+"."+e.GetName(), true)
			}
			addAll(scope+m.GetName()+".", m.NestedType)
		}
	}
	addAll("", got.ProtoFile[0].MessageType)
	for _, e := range got.ProtoFile[0].EnumType {
		add(e.GetName(), true)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// service returns a file with an RPC Do from In to Out, and more declarations in the text format of
// a FileDescriptorProto.
func service(t *testing.T, name, more string) *descriptorpb.FileDescriptorProto {
	t.Helper()
	f := &descriptorpb.FileDescriptorProto{}
	text := `name: "a.proto" package: "p" syntax: "proto3" options { go_package: "a/b" }
		service { name: "S" method { name: "` + name + `" input_type: ".p.In" output_type: ".p.Out" } }` + more
	if err := prototext.Unmarshal([]byte(text), f); err != nil {
		t.Fatal(err)
	}
	return f
}

func message(name, body string) string {
	return ` message_type { name: "` + name + `" ` + body + ` }`
}

func ofType(name, number, message string) string {
	return ` field { name: "` + name + `" number: ` + number + ` label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".p.` + message + `" }`
}

func text(name, number, more string) string {
	return ` field { name: "` + name + `" number: ` + number + ` label: LABEL_OPTIONAL type: TYPE_STRING ` + more + ` }`
}

// TestLevels checks what is kept of messages and enums.
func TestLevels(t *testing.T) {
	chain := message("Out", text("a", "1", "")+ofType("b", "2", "B")) + message("B", text("a", "1", "")+ofType("c", "2", "C")+ofType("d", "3", "DStatus")) +
		message("C", text("a", "1", "")+ofType("d", "2", "DStatus")) + message("DStatus", text("a", "1", "")+ofType("e", "2", "E")) + message("E", text("a", "1", "")) + message("Unused", text("a", "1", ""))
	in := message("In", text("a", "1", ""))
	for name, c := range map[string]struct {
		method, more, want string
	}{
		"no pattern":          {"Do", in + chain, "In Out"},
		"may be a batch":      {"BatchDo", in + chain, "B* C DStatus* E In* Out*"},
		"may be a page":       {"Do", in + strings.Replace(chain, `"a" number: 1`, `"next_cursor" number: 1`, 1), "B* C DStatus* E In* Out*"},
		"may be an operation": {"Do", in + strings.Replace(chain, `"a" number: 1`, `"Done" number: 1`, 1), "B* C DStatus* E In* Out*"},
		"a key":               {"Do", strings.Replace(in, `"a"`, `"clientToken"`, 1) + chain, "In* Out"},
		"default value":       {"Do", in + chain + message("X", text("a", "1", `default_value: "b"`)+ofType("b", "2", "B")), "B In Out X*"},
		"same number":         {"Do", in + chain + message("X", text("a", "1", "")+text("b", "1", "")), "In Out X*"},
		"same name":           {"Do", in + chain + message("X", text("a", "1", "")+text("a", "2", "")), "In Out X*"},
		"bad name":            {"Do", in + chain + message("X", text("a-b", "1", "")), "In Out X*"},
		"bad number":          {"Do", in + chain + message("X", text("a", "0", "")), "In Out X*"},
		"reserved number":     {"Do", in + chain + message("X", text("a", "19000", "")), "In Out X*"},
		"oneof":               {"Do", in + chain + message("X", text("a", "1", "oneof_index: 0")+` oneof_decl { name: "o" }`), "In Out"},
		"no oneof":            {"Do", in + chain + message("X", text("a", "1", "oneof_index: 0")), "In Out X*"},
		"empty oneof":         {"Do", in + chain + message("X", text("a", "1", "")+` oneof_decl { name: "o" }`), "In Out X*"},
		"enum":                {"Do", in + chain + ` enum_type { name: "F" value { name: "F_A" number: 0 } value { name: "F_B" number: 1 } }`, "In Out"},
		"enum without 0":      {"Do", in + chain + ` enum_type { name: "F" value { name: "F_A" number: 1 } }`, "F* In Out"},
		"alike in an enum":    {"Do", in + chain + ` enum_type { name: "F" value { name: "F_A" number: 0 } value { name: "A" number: 1 } }`, "F* In Out"},
		"nested": {"Do", in + chain + message("X", text("a", "1", "")+` nested_type { name: "Y" nested_type { name: "Z" `+text("a", "1", `default_value: "b"`)+` } } nested_type { name: "W" }`),
			"In Out X X.Y X.Y.Z*"},
		"extension": {"Do", in + chain + message("X", `extension_range { start: 5 end: 6 }`) + ` extension { name: "x" number: 5 extendee: ".p.X" label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".p.C" }`,
			"C* DStatus In Out X"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := kept(t, service(t, c.method, c.more)); got != c.want {
				t.Errorf("%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestRules checks that the way to the next validation rules is kept.
func TestRules(t *testing.T) {
	rules := func(option string) *descriptorpb.FileDescriptorProto {
		f := service(t, "Do", message("In", ofType("a", "1", "A")+ofType("b", "2", "B"))+message("Out", "")+message("A", ofType("c", "1", "C"))+
			message("B", text("a", "1", ""))+message("C", text("a", "1", "")+ofType("d", "2", "D"))+message("D", text("a", "1", "")))
		c := f.MessageType[4].Field[0]
		c.Options = &descriptorpb.FieldOptions{}
		c.Options.ProtoReflect().SetUnknown([]byte(option))
		return f
	}
	for name, c := range map[string]struct{ option, want string }{
		"required":       {"\xe0\x41\x02", "A* B C* D In* Out"},
		"required, list": {"\xe2\x41\x02\x01\x02", "A* B C* D In* Out"},
		"optional":       {"\xe0\x41\x01", "In Out"},
		"validated":      {"\xba\x48\x00", "A* B C* D In* Out"},
		"unclear":        {"\xe2\x8c\xcf\xd7\x08\x02\x08\x01", "A* B* C* D* In* Out"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := kept(t, rules(c.option)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestOptions checks that options of this project keep all messages.
func TestOptions(t *testing.T) {
	f := service(t, "Do", message("In", "")+message("Out", "")+message("X", text("a", "1", "")))
	f.Service[0].Method[0].Options = &descriptorpb.MethodOptions{}
	proto.SetExtension(f.Service[0].Method[0].Options, grpcservicev1.E_Method, &grpcservicev1.Policy{})
	if got := kept(t, f); got != "In Out X*" {
		t.Errorf("%s", got)
	}
	reasons := service(t, "Do", message("In", "")+message("Out", "")+` enum_type { name: "R" value { name: "R_A" number: 0 } }`)
	reasons.EnumType[0].Options = &descriptorpb.EnumOptions{}
	proto.SetExtension(reasons.EnumType[0].Options, grpcservicev1.E_Reasons, &grpcservicev1.Reasons{})
	reasons.SourceCodeInfo = file(at("", 5, 0)).SourceCodeInfo
	if got, ok := decode(t, encode(t, request(reasons))); !ok || len(got.ProtoFile[0].SourceCodeInfo.Location) != 1 {
		t.Errorf("the locations are removed: %v", got)
	}
}

// TestLargeTree checks that most messages are removed from a tree with the shape of googleapis.
func TestLargeTree(t *testing.T) {
	whole := largetree.Request(1000)
	got, ok := decode(t, encode(t, whole))
	if !ok {
		t.Fatal("the whole request is needed")
	}
	for _, f := range whole.ProtoFile {
		f.SourceCodeInfo = nil
	}
	for _, f := range got.ProtoFile {
		f.SourceCodeInfo = nil
	}
	if before, after := proto.Size(whole), proto.Size(got); after > before/2 {
		t.Errorf("%d of %d bytes are left", after, before)
	}
}

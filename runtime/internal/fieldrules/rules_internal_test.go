package fieldrules

import (
	"bytes"
	"context"
	"errors"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// field describes a field of a test's message.
func field(name string, number int32, typ descriptorpb.FieldDescriptorProto_Type, message string, options []byte) *descriptorpb.FieldDescriptorProto {
	f := &descriptorpb.FieldDescriptorProto{Name: &name, Number: &number, Type: &typ, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
	if message != "" {
		f.TypeName = proto.String(".t." + message)
	}
	if options != nil {
		f.Options = &descriptorpb.FieldOptions{}
		f.Options.ProtoReflect().SetUnknown(options)
	}
	return f
}

func repeated(f *descriptorpb.FieldDescriptorProto) *descriptorpb.FieldDescriptorProto {
	f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	return f
}

// behaviours encodes google.api.field_behavior as descriptors without its Go package hold it.
func behaviours(values ...uint64) (options []byte) {
	for _, v := range values {
		options = protowire.AppendVarint(protowire.AppendTag(options, 1052, protowire.VarintType), v)
	}
	return options
}

// packedBehaviours encodes the same as one packed field.
func packedBehaviours(values ...uint64) []byte {
	var packed []byte
	for _, v := range values {
		packed = protowire.AppendVarint(packed, v)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, 1052, protowire.BytesType), packed)
}

// bookMessage describes a message with required fields, both direct and in nested messages,
// including itself.
func bookMessage(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	const str, msg = descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	entry := &descriptorpb.DescriptorProto{Name: proto.String("ByLanguageEntry"), Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)},
		Field: []*descriptorpb.FieldDescriptorProto{field("key", 1, str, "", nil), field("value", 2, msg, "Author", nil)}}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("t.proto"), Package: proto.String("t"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("Author"), Field: []*descriptorpb.FieldDescriptorProto{field("name", 1, str, "", behaviours(4, 2))}},
			{Name: proto.String("Plain"), Field: []*descriptorpb.FieldDescriptorProto{
				field("text", 1, str, "", behaviours(1)), field("again", 2, msg, "Plain", nil)}},
			{Name: proto.String("Book"), NestedType: []*descriptorpb.DescriptorProto{entry}, Field: []*descriptorpb.FieldDescriptorProto{
				field("title", 1, str, "", packedBehaviours(2)),
				field("author", 2, msg, "Author", behaviours(2)),
				repeated(field("editors", 3, msg, "Author", nil)),
				repeated(field("by_language", 4, msg, "Book.ByLanguageEntry", nil)),
				field("sequel", 5, msg, "Book", nil),
				repeated(field("tags", 6, str, "", behaviours(2))),
			}},
		},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file.Messages().ByName("Book")
}

// firstCheck returns the check of the first message of a stream, or of the only request.
func firstCheck(desc protoreflect.MessageDescriptor) Check {
	check, _ := Checks(desc)
	return check
}

func TestRequiredFields(t *testing.T) {
	book := bookMessage(t)
	check := firstCheck(book)
	for text, want := range map[string][]string{
		`{"title": "x", "author": {"name": "a"}, "tags": ["t"]}`: nil,
		`{}`: {"title", "author", "tags"},
		`{"title": "x", "author": {}, "tags": ["t"]}`:                                                     {"author.name"},
		`{"title": "x", "author": {"name": "a"}, "tags": ["t"], "editors": [{"name": "b"}, {}]}`:          {"editors[1].name"},
		`{"title": "x", "author": {"name": "a"}, "tags": ["t"], "byLanguage": {"de": {}}}`:                {`by_language["de"].name`},
		`{"title": "x", "author": {"name": "a"}, "tags": ["t"], "sequel": {"author": {}, "tags": ["t"]}}`: {"sequel.title", "sequel.author.name"},
	} {
		req := dynamicpb.NewMessage(book)
		if err := protojson.Unmarshal([]byte(text), req); err != nil {
			t.Fatal(err)
		}
		err := check(context.Background(), req)
		if got := violatedFields(t, err); !slices.Equal(got, want) {
			t.Errorf("%s lacks %q, want %q", text, got, want)
		}
	}
}

func TestManyMissingFieldsAreCut(t *testing.T) {
	book := bookMessage(t)
	req := dynamicpb.NewMessage(book)
	editors := req.Mutable(book.Fields().ByName("editors")).List()
	for range 1000 {
		editors.Append(editors.NewElement())
	}
	if got := violatedFields(t, firstCheck(book)(context.Background(), req)); len(got) != maxViolations {
		t.Errorf("%d violations, want %d", len(got), maxViolations)
	}
}

// violatedFields returns the paths in an error.
func violatedFields(t *testing.T, err error) (fields []string) {
	t.Helper()
	if err == nil {
		return nil
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Fatal(err)
	}
	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	return fields
}

func TestMessagesWithoutRulesAreNotChecked(t *testing.T) {
	plain := bookMessage(t).ParentFile().Messages().ByName("Plain")
	if firstCheck(plain) != nil {
		t.Error("a message without required fields has a check")
	}
}

func FuzzFieldRules(f *testing.F) {
	f.Add(behaviours(1, 2))
	f.Add(packedBehaviours(3, 4))
	f.Add(format(1))
	f.Add([]byte{0xe2, 0x41, 0xff})
	f.Fuzz(func(t *testing.T, options []byte) { // which must neither panic nor hang
		file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
			Name: proto.String("t.proto"), Syntax: proto.String("proto3"),
			MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("M"), Field: []*descriptorpb.FieldDescriptorProto{
				field("f", 1, descriptorpb.FieldDescriptorProto_TYPE_STRING, "", options)}}},
		}, nil)
		if err != nil {
			return // not a descriptor
		}
		if check := firstCheck(file.Messages().Get(0)); check != nil {
			_ = check(context.Background(), dynamicpb.NewMessage(file.Messages().Get(0)))
		}
	})
}

// format encodes google.api.field_info with a format.
func format(number uint64) []byte {
	info := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), number)
	return protowire.AppendBytes(protowire.AppendTag(nil, 291403980, protowire.BytesType), info)
}

func TestFormats(t *testing.T) {
	const str = descriptorpb.FieldDescriptorProto_TYPE_STRING
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("f.proto"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("M"), Field: []*descriptorpb.FieldDescriptorProto{
			field("uuid", 1, str, "", format(1)), field("ipv4", 2, str, "", format(2)), field("ipv6", 3, str, "", format(3)),
			repeated(field("ip", 4, str, "", format(4))), field("later", 5, str, "", format(99)),
			field("number", 6, descriptorpb.FieldDescriptorProto_TYPE_INT64, "", format(1)),
		}}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := file.Messages().Get(0)
	check := firstCheck(m)
	for text, want := range map[string][]string{
		`{}`: nil,
		`{"uuid": "f81d4fae-7dec-4ED0-a765-00a0c91e6bf6", "ipv4": "10.0.0.7", "ipv6": "::1", "ip": ["::1", "10.0.0.7"], "later": "?", "number": 7}`: nil,
		`{"uuid": "f81d4fae-7dec-1ed0-a765-00a0c91e6bf6"}`:           {"uuid"}, // version 1
		`{"uuid": "f81d4fae-7dec-4ed0-c765-00a0c91e6bf6"}`:           {"uuid"}, // another variant
		`{"uuid": "f81d4fae7dec-4ed0-a765-00a0c91e6bf60"}`:           {"uuid"},
		`{"uuid": "f81d4fae-7dec-4ed0-a765-00a0c91e6bfg"}`:           {"uuid"},
		`{"ipv4": "::1", "ipv6": "10.0.0.7", "ip": ["::1", "host"]}`: {"ipv4", "ipv6", "ip[1]"},
	} {
		req := dynamicpb.NewMessage(m)
		if err := protojson.Unmarshal([]byte(text), req); err != nil {
			t.Fatal(err)
		}
		if got := violatedFields(t, check(context.Background(), req)); !slices.Equal(got, want) {
			t.Errorf("%s: %q are wrong, want %q", text, got, want)
		}
	}
}

// nodeMessage describes a tree of messages with a required name, that holds messages without rules
// too.
func nodeMessage(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	const str, msg = descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	entry := &descriptorpb.DescriptorProto{Name: proto.String("NamedEntry"), Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)},
		Field: []*descriptorpb.FieldDescriptorProto{field("key", 1, str, "", nil), field("value", 2, msg, "Node", nil)}}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("n.proto"), Package: proto.String("t"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("Loose"), Field: []*descriptorpb.FieldDescriptorProto{repeated(field("again", 1, msg, "Loose", nil))}},
			{Name: proto.String("Node"), NestedType: []*descriptorpb.DescriptorProto{entry}, Field: []*descriptorpb.FieldDescriptorProto{
				field("name", 1, str, "", behaviours(2)),
				repeated(field("children", 2, msg, "Node", nil)),
				field("loose", 3, msg, "Loose", nil),
				repeated(field("named", 4, msg, "Node.NamedEntry", nil)),
			}},
			{Name: proto.String("Box"), Field: []*descriptorpb.FieldDescriptorProto{
				field("loose", 1, msg, "Loose", nil), field("node", 2, msg, "Node", nil)}},
		},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file.Messages().ByName("Node")
}

// deepNode returns a chain of nodes, each with the encoded fields.
func deepNode(t *testing.T, desc protoreflect.MessageDescriptor, depth int, fields []byte) proto.Message {
	t.Helper()
	raw := fields
	for range depth {
		child := protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), raw)
		raw = append(slices.Clone(fields), child...)
	}
	return decoded(t, desc, raw)
}

func decoded(t *testing.T, desc protoreflect.MessageDescriptor, raw []byte) proto.Message {
	t.Helper()
	m := dynamicpb.NewMessage(desc)
	if err := proto.Unmarshal(raw, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// allocatedBy returns how many bytes a function allocates.
func allocatedBy(f func()) uint64 {
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	f()
	goruntime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestChecksCostWhatTheRequestWeighs checks that the cost of a check grows no faster than the
// request, valid or not.
func TestChecksCostWhatTheRequestWeighs(t *testing.T) {
	node := nodeMessage(t)
	check := firstCheck(node)
	named := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "x")
	for name, fields := range map[string][]byte{"invalid": nil, "valid": named} {
		var allocated [2]uint64
		for i, depth := range []int{500, 1000} {
			m := deepNode(t, node, depth, fields)
			allocated[i] = allocatedBy(func() { _ = check(context.Background(), m) })
		}
		if small, large := allocated[0], allocated[1]; large > small*5/2 || large > 1<<20 {
			t.Errorf("%s: %d bytes are allocated at depth 500, %d at depth 1000", name, small, large)
		}
	}
	for name, child := range map[string][]byte{"invalid": {0x12, 0}, "valid": append([]byte{0x12, byte(len(named))}, named...)} {
		wide := decoded(t, node, append(slices.Clone(named), bytes.Repeat(child, 4<<20/len(child))...))
		if n := allocatedBy(func() { _ = check(context.Background(), wide) }); n > 64<<10 {
			t.Errorf("%s: a check of a wide request of 4 MiB allocates %d bytes", name, n)
		}
	}
}

// TestDeepMessagesAreRejected checks that the depth of a request, and with it the stack of a check,
// is bounded, and that a request that is too deep is rejected instead of left unchecked.
func TestDeepMessagesAreRejected(t *testing.T) {
	node := nodeMessage(t)
	named := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "x")
	if err := firstCheck(node)(context.Background(), deepNode(t, node, maxNesting, named)); err != nil {
		t.Error(err)
	}
	for _, depth := range []int{maxNesting + 1, 1600, 9000} {
		err := firstCheck(node)(context.Background(), deepNode(t, node, depth, named))
		if err == nil || !strings.Contains(err.Error(), "nested more than 100 messages deep") {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
}

// TestCheckEndsWithItsCall checks that a check of a large request looks at the call's context.
func TestCheckEndsWithItsCall(t *testing.T) {
	node := nodeMessage(t)
	child := []byte{0x12, 3, 0x0a, 1, 'x'}
	wide := decoded(t, node, append([]byte{0x0a, 1, 'x'}, bytes.Repeat(child, 1<<16)...))
	ctx := &countedContext{Context: context.Background(), over: 3}
	if err := firstCheck(node)(ctx, wide); !errors.Is(err, context.Canceled) {
		t.Errorf("the check of a canceled call returned %v", err)
	}
	if ctx.asked > 3 {
		t.Errorf("the check went on: it asked %d times", ctx.asked)
	}
	if err := firstCheck(node)(context.Background(), wide); err != nil {
		t.Error(err)
	}
}

// countedContext is canceled when it is asked for the over-th time.
type countedContext struct {
	context.Context
	asked, over int
}

func (c *countedContext) Err() error {
	if c.asked++; c.asked >= c.over {
		return context.Canceled
	}
	return nil
}

func TestPathsAreCut(t *testing.T) {
	node := nodeMessage(t)
	long := dynamicpb.NewMessage(node)
	name, named := node.Fields().ByName("name"), node.Fields().ByName("named")
	long.Set(name, protoreflect.ValueOfString("x"))
	values := long.Mutable(named).Map()
	values.Set(protoreflect.ValueOfString(strings.Repeat("ä", 1<<20)).MapKey(), values.NewValue())
	for text, m := range map[string]proto.Message{"deep": deepNode(t, node, 5000, nil), "key": long} {
		paths := violatedFields(t, firstCheck(node)(context.Background(), m))
		last := paths[len(paths)-1]
		if len(last) > maxFieldPath+3 || !strings.HasSuffix(last, "...") || !utf8.ValidString(last) {
			t.Errorf("%s: the path is %q", text, last)
		}
	}
}

// TestFieldsThatLeadToNoRuleAreLeftOut checks that nobody walks what has no rules, in messages that
// hold themselves too.
func TestFieldsThatLeadToNoRuleAreLeftOut(t *testing.T) {
	node := nodeMessage(t)
	for name, want := range map[protoreflect.Name][]string{"Node": {"children", "named"}, "Box": {"node"}} {
		var got []string
		for _, n := range fieldRules(node.ParentFile().Messages().ByName(name)).nested {
			got = append(got, string(n.field.Name()))
		}
		if !slices.Equal(got, want) {
			t.Errorf("of %s, %q are walked, want %q", name, got, want)
		}
	}
	if firstCheck(node.ParentFile().Messages().ByName("Loose")) != nil {
		t.Error("a message without rules that holds itself has a check")
	}
}

package mcp

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/grpcservice/grpcservice/runtime"
)

// messages returns the messages of a file that has no proto, by their names.
func messages(t *testing.T, all ...*descriptorpb.DescriptorProto) protoreflect.MessageDescriptors {
	t.Helper()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("large.proto"), Package: proto.String("large"), Syntax: proto.String("proto3"), MessageType: all,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file.Messages()
}

// message returns a message with n strings, and a field for each of some other messages.
func message(name string, n int, fields ...string) *descriptorpb.DescriptorProto {
	m := &descriptorpb.DescriptorProto{Name: proto.String(name)}
	add := func(name string, of *descriptorpb.FieldDescriptorProto) {
		of.Name, of.Number = proto.String(name), proto.Int32(int32(len(m.Field)+1))
		of.Label = descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()
		m.Field = append(m.Field, of)
	}
	for i, other := range fields {
		add(fmt.Sprintf("message_%d", i), &descriptorpb.FieldDescriptorProto{
			Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), TypeName: proto.String(".large." + other),
		})
	}
	for i := range n {
		add(fmt.Sprintf("text_%d", i), &descriptorpb.FieldDescriptorProto{Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum()})
	}
	return m
}

// toolWith returns a tool whose request and response is a message.
func toolWith(of protoreflect.MessageDescriptor, comments map[string]string) *tool {
	desc := dynamicpb.NewMessageType(of)
	return &tool{
		info: runtime.MethodInfo{Policy: runtime.Policy{Validate: true}, Comments: comments}, input: desc, output: desc,
	}
}

// schemasOf returns the schemas of a tool, which must be valid and small.
func schemasOf(t *testing.T, of *tool) (input, output string) {
	t.Helper()
	for _, data := range []json.RawMessage{of.inputSchema(), of.outputSchema()} {
		if len(data) > maxSchemaBytes {
			t.Errorf("a schema has %d bytes", len(data))
		}
		var s jsonschema.Schema
		err := json.Unmarshal(data, &s)
		if err == nil {
			_, err = s.Resolve(nil)
		}
		if err != nil {
			t.Errorf("%.500s: %v", data, err)
		}
	}
	return string(of.inputSchema()), string(of.outputSchema())
}

// TestLargeSchemas checks what schemas have of requests that are too large for them: the levels that
// fit, then the fields without their comments, and then nothing.
func TestLargeSchemas(t *testing.T) {
	const unlisted = "whose fields are not listed"
	long := strings.Repeat("x", 200)
	for name, test := range map[string]struct {
		messages        []*descriptorpb.DescriptorProto // the first is the request
		comments        map[string]string
		has, hasNot     []string
		isEmpty, isFull bool
	}{
		"small": {
			messages: []*descriptorpb.DescriptorProto{message("A", 1, "B"), message("B", 1)},
			has:      []string{"message_0", "text_0"}, hasNot: []string{unlisted}, isFull: true,
		},
		"deep": { // a level has 5 KiB
			messages: []*descriptorpb.DescriptorProto{
				message("L1", 190, "L2"), message("L2", 191, "L3"), message("L3", 192, "L4"),
				message("L4", 193, "L5"), message("L5", 194, "L6"), message("L6", 195, "L7"), message("L7", 196, "L8"), message("L8", 197, "L9"), message("L9", 198, "L10"), message("L10", 199),
			},
			has: []string{"text_189", "text_190", "text_191", "A large.L", unlisted}, hasNot: []string{"text_198"},
		},
		"wide": { // the second level does not fit
			messages: []*descriptorpb.DescriptorProto{
				message("R", 5, "W1", "W2", "W3"), message("W1", 500), message("W2", 501), message("W3", 502),
			},
			has:    []string{"text_4", "message_2", "A large.W1, " + unlisted, "A large.W3, " + unlisted},
			hasNot: []string{"text_5"},
		},
		"recursive": {
			messages: []*descriptorpb.DescriptorProto{message("A", 10, "B", "A"), message("B", 10, "A", "B")},
			has:      []string{`"$ref":"#/$defs/large.A"`, `"$ref":"#/$defs/large.B"`}, hasNot: []string{unlisted}, isFull: true,
		},
		"recursive and large": {
			messages: []*descriptorpb.DescriptorProto{message("A", 10, "B", "A"), message("B", 1400, "A", "B")},
			has:      []string{"text_9", "A large.B, " + unlisted}, hasNot: []string{"text_10"},
		},
		"commented": { // with the comments, no level fits
			messages: []*descriptorpb.DescriptorProto{message("A", 200)}, comments: commentsFor("large.A", 200, long),
			has: []string{"text_0", "text_199"}, hasNot: []string{long}, isFull: true,
		},
		"many fields": {messages: []*descriptorpb.DescriptorProto{message("A", 2000)}, isEmpty: true},
	} {
		t.Run(name, func(t *testing.T) {
			input, output := schemasOf(t, toolWith(messages(t, test.messages...).Get(0), test.comments))
			if test.isEmpty && (input != `{"type":"object"}` || output != `{"type":"object"}`) {
				t.Errorf("the schemas are %.500s and %.500s", input, output)
			}
			for _, schema := range []string{input, output} {
				for _, text := range test.has {
					if !strings.Contains(schema, text) {
						t.Errorf("the schema lacks %q: %.200s", text, schema)
					}
				}
				for _, text := range test.hasNot {
					if strings.Contains(schema, text) {
						t.Errorf("the schema has %q: %.200s", text, schema)
					}
				}
			}
			if isFull := strings.Contains(input, `"additionalProperties":false`) && !strings.Contains(input, unlisted); isFull != test.isFull {
				t.Errorf("the schema has all fields: %t, want %t", isFull, test.isFull)
			}
		})
	}
}

func commentsFor(message string, fields int, text string) map[string]string {
	comments := make(map[string]string)
	for i := range fields {
		comments[fmt.Sprintf("%s.text_%d", message, i)] = text
	}
	return comments
}

// encoding is a message that is encoded field by field.
type encoding []byte

func (e encoding) number(number protowire.Number, value uint64) encoding {
	return protowire.AppendVarint(protowire.AppendTag(e, number, protowire.VarintType), value)
}

func (e encoding) bytes(number protowire.Number, value []byte) encoding {
	return protowire.AppendBytes(protowire.AppendTag(e, number, protowire.BytesType), value)
}

func (e encoding) double(number protowire.Number, value float64) encoding {
	return protowire.AppendFixed64(protowire.AppendTag(e, number, protowire.Fixed64Type), math.Float64bits(value))
}

// TestRules checks what schemas have of buf.validate.
func TestRules(t *testing.T) {
	const text, integer, double = descriptorpb.FieldDescriptorProto_TYPE_STRING,
		descriptorpb.FieldDescriptorProto_TYPE_INT32, descriptorpb.FieldDescriptorProto_TYPE_DOUBLE
	negative := int64(-5)
	for name, test := range map[string]struct {
		kind       descriptorpb.FieldDescriptorProto_Type
		isRepeated bool
		rules      encoding
		want       string
		isRequired bool
	}{
		"none":       {text, false, nil, `{"type":"string"}`, false},
		"required":   {text, false, encoding{}.number(25, 1), `{"type":"string"}`, true},
		"lengths":    {text, false, encoding{}.bytes(14, encoding{}.number(2, 3).number(3, 9)), `{"type":"string","minLength":3,"maxLength":9}`, false},
		"one length": {text, false, encoding{}.bytes(14, encoding{}.number(19, 7)), `{"type":"string","minLength":7,"maxLength":7}`, false},
		"email":      {text, false, encoding{}.bytes(14, encoding{}.number(12, 1)), `{"type":"string","format":"email"}`, false},
		"pattern":    {text, false, encoding{}.bytes(14, encoding{}.bytes(6, []byte(`^[a-z]\.\d$`))), `{"type":"string","pattern":"^[a-z]\\.\\d$"}`, false},
		"RE2":        {text, false, encoding{}.bytes(14, encoding{}.bytes(6, []byte(`^\pL$`))), `{"type":"string"}`, false},
		"no escape":  {text, false, encoding{}.bytes(14, encoding{}.bytes(6, []byte(`^a\@b$`))), `{"type":"string"}`, false},
		"a class":    {text, false, encoding{}.bytes(14, encoding{}.bytes(6, []byte(`^[_[:alpha:]]$`))), `{"type":"string"}`, false},
		"numbers":    {integer, false, encoding{}.bytes(3, encoding{}.number(4, uint64(negative)).number(3, 9)), `{"type":"integer","minimum":-2147483648,"maximum":9,"exclusiveMinimum":-5}`, false},
		"doubles":    {double, false, encoding{}.bytes(2, encoding{}.double(5, 0.5).double(2, math.Inf(1))), `{"type":"number","minimum":0.5}`, false},
		"items":      {text, true, encoding{}.bytes(18, encoding{}.number(1, 1).number(2, 4)), `{"type":"array","items":{"type":"string"},"minItems":1,"maxItems":4}`, false},
		"ignored":    {text, false, encoding{}.number(25, 1).number(27, 3).bytes(14, encoding{}.number(2, 3)), `{"type":"string"}`, false},
		"other kind": {integer, false, encoding{}.bytes(14, encoding{}.number(2, 3)), `{"type":"integer","minimum":-2147483648,"maximum":2147483647}`, false},
		"corrupt":    {text, false, encoding("\xff\xff"), `{"type":"string"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			options := &descriptorpb.FieldOptions{}
			if test.rules != nil {
				options.ProtoReflect().SetUnknown(protoreflect.RawFields(encoding{}.bytes(1159, test.rules)))
			}
			label := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
			if test.isRepeated {
				label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED
			}
			desc := messages(t, &descriptorpb.DescriptorProto{Name: proto.String("A"), Field: []*descriptorpb.FieldDescriptorProto{{
				Name: proto.String("field"), Number: proto.Int32(1), Label: label.Enum(), Type: test.kind.Enum(), Options: options,
			}}})
			input, output := schemasOf(t, toolWith(desc.Get(0), nil))
			required := ""
			if test.isRequired {
				required = `"required":["field"],`
			}
			want := `{"type":"object","properties":{"field":` + test.want + `},` + required + `"additionalProperties":false}`
			if input != want {
				t.Errorf("the schema is %s, want %s", input, want)
			}
			if strings.Contains(output, "inLength") || strings.Contains(output, "required") {
				t.Errorf("the schema of the result has rules: %s", output)
			}
		})
	}
}

package mcp

import (
	"bytes"
	"encoding/json"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// schema is a JSON schema (2020-12), as far as messages need one. Properties keep the order of the
// proto.
type schema struct {
	Ref                  string          `json:"$ref,omitempty"`
	Type                 any             `json:"type,omitempty"` // a name, or several
	Description          string          `json:"description,omitempty"`
	Properties           properties      `json:"properties,omitempty"`
	Required             []string        `json:"required,omitempty"`
	AdditionalProperties any             `json:"additionalProperties,omitempty"` // false, or a schema
	PropertyNames        *schema         `json:"propertyNames,omitempty"`
	MinProperties        json.RawMessage `json:"minProperties,omitempty"`
	MaxProperties        json.RawMessage `json:"maxProperties,omitempty"`
	Items                *schema         `json:"items,omitempty"`
	MinItems             json.RawMessage `json:"minItems,omitempty"`
	MaxItems             json.RawMessage `json:"maxItems,omitempty"`
	Enum                 []string        `json:"enum,omitempty"`
	AnyOf                []*schema       `json:"anyOf,omitempty"`
	Format               string          `json:"format,omitempty"`
	Pattern              string          `json:"pattern,omitempty"`
	ContentEncoding      string          `json:"contentEncoding,omitempty"`
	MinLength            json.RawMessage `json:"minLength,omitempty"`
	MaxLength            json.RawMessage `json:"maxLength,omitempty"`
	Minimum              json.RawMessage `json:"minimum,omitempty"`
	Maximum              json.RawMessage `json:"maximum,omitempty"`
	ExclusiveMinimum     json.RawMessage `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum     json.RawMessage `json:"exclusiveMaximum,omitempty"`
	Deprecated           bool            `json:"deprecated,omitempty"`
	Defs                 properties      `json:"$defs,omitempty"`
}

// property is a schema with a name.
type property struct {
	name   string
	schema *schema
}

// properties are schemas by name, in order.
type properties []property

// MarshalJSON implements [json.Marshaler].
func (p properties) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	text.WriteByte('{')
	for i, each := range p {
		if i > 0 {
			text.WriteByte(',')
		}
		for j, part := range []any{each.name, each.schema} {
			if j > 0 {
				text.WriteByte(':')
			}
			data, err := json.Marshal(part)
			if err != nil {
				return nil, err
			}
			text.Write(data)
		}
	}
	text.WriteByte('}')
	return text.Bytes(), nil
}

// maxSchemaBytes is the maximum size of a schema: agents send all of them to their models.
const maxSchemaBytes = 32 << 10

// sizes are how much a schema has, the most first: as much as fits.
var sizes = []struct {
	levels  int  // of messages
	isTerse bool // without comments
}{{levels: 1 << 30}, {levels: 8}, {levels: 6}, {levels: 5}, {levels: 4}, {levels: 3}, {levels: 2}, {levels: 1}, {1, true}}

// inputSchema returns the schema of the arguments.
func (t *tool) inputSchema() json.RawMessage {
	return t.fitting(t.input.Descriptor(), true, func(s *schema) *schema {
		if t.operations != nil {
			required := s.Required
			s.Required = nil // not with operationArgument
			s.Description = requiredText(required)
			s.Properties = append(s.Properties, property{operationArgument, &schema{
				Type: "string", Description: "The operation of an earlier result, to wait on for it. Set nothing else beside it.",
			}})
		}
		return s
	})
}

// outputSchema returns the schema of the result; nil if it is unknown.
func (t *tool) outputSchema() json.RawMessage {
	switch {
	case t.operations != nil && t.result == nil:
		return t.fitting(nil, false, func(*schema) *schema { return operationSchema(&schema{Type: "object"}) })
	case t.operations != nil:
		return t.fitting(t.result.Descriptor(), false, operationSchema)
	case t.isStream():
		return t.fitting(t.output.Descriptor(), false, streamSchema)
	default:
		return t.fitting(t.output.Descriptor(), false, func(s *schema) *schema {
			if s.Type != "object" {
				return nil // a message with a form of its own in JSON
			}
			return s
		})
	}
}

// fitting returns the schema of a message that around completes, with as much of [sizes] as fits.
func (t *tool) fitting(desc protoreflect.MessageDescriptor, isInput bool, around func(*schema) *schema) json.RawMessage {
	for _, size := range sizes {
		b := builder{tool: t, isInput: isInput, level: size.levels, comments: t.info.Comments}
		if size.isTerse {
			b.comments = nil
		}
		root := &schema{}
		if desc != nil {
			root = b.root(desc)
		}
		if root = around(root); root == nil {
			return nil
		}
		root.Defs = b.defs
		data, err := json.Marshal(root)
		if err == nil && len(data) <= maxSchemaBytes {
			return data
		}
	}
	return json.RawMessage(`{"type":"object"}`)
}

// streamSchema returns the schema of [streamResult].
func streamSchema(message *schema) *schema {
	return &schema{Type: "object", Required: []string{"messages"}, Properties: properties{
		{"messages", &schema{Type: "array", Items: message}},
		{"cut", &schema{Type: "string", Description: "Why messages may be missing; unset if these are all."}},
	}}
}

// operationSchema returns the schema of [operationResult].
func operationSchema(response *schema) *schema {
	response.Description = "The result; unset while it is not done."
	return &schema{Type: "object", Required: []string{"operation", "done"}, Properties: properties{
		{"operation", &schema{Type: "string", Description: "The name of the operation."}},
		{"done", &schema{Type: "boolean"}},
		{"progress", &schema{Type: "object"}},
		{"response", response},
	}}
}

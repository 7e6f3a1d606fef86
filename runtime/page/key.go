package page

import (
	"encoding"
	"fmt"
	"reflect"
	"time"

	"google.golang.org/protobuf/proto"
)

var (
	typeTime            = reflect.TypeFor[time.Time]()
	typeTuple           = reflect.TypeFor[Tuple]()
	typeMessage         = reflect.TypeFor[proto.Message]()
	typeTextMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	typeTextUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// of returns the codec of a key type.
func (c *codecs) of(t reflect.Type) (codec, error) {
	made, ok := c.byType.Load(t)
	if !ok {
		fresh, err := codecOf(t, 0)
		if err != nil {
			err = fmt.Errorf("a key of type %v cannot be put into a token: %w", t, err)
		}
		made, _ = c.byType.LoadOrStore(t, madeCodec{fresh, err})
	}
	m := made.(madeCodec)
	return m.codec, m.err
}

// maxDepth is the maximum nesting of structs in a key. It bounds recursive types.
const maxDepth = 8

// codecOf builds the codec of a type.
func codecOf(t reflect.Type, depth int) (codec, error) {
	if depth > maxDepth {
		return codec{}, fmt.Errorf("%v is nested too deeply", t)
	}
	switch kind := t.Kind(); {
	case t == typeTime:
		return timeCodec, nil
	case t == typeTuple:
		return tupleCodec, nil
	case reflect.PointerTo(t).Implements(typeMessage):
		return codec{}, fmt.Errorf("%v is a message; use its contents, such as AsTime of a timestamp", t)
	case (kind == reflect.Slice || kind == reflect.Array) && t.Elem().Kind() == reflect.Uint8:
		return bytesCodec, nil
	case kind == reflect.Pointer:
		return pointerCodec(t.Elem(), depth)
	case encodesItself(t) && !isScalar(kind):
		return textCodec, nil
	case kind == reflect.Struct:
		return structCodec(t, depth)
	default:
		return scalarCodec(t)
	}
}

// encodesItself reports whether a type implements encoding.TextMarshaler and
// encoding.TextUnmarshaler.
func encodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(typeTextMarshaler) && p.Implements(typeTextUnmarshaler)
}

// pointerCodec builds the codec of pointers to a type; nil is NULL.
func pointerCodec(elem reflect.Type, depth int) (codec, error) {
	if elem.Kind() == reflect.Pointer || elem.Kind() == reflect.Slice && elem != typeTuple {
		return codec{}, fmt.Errorf("a nil %v and a pointer to one look the same; use a pointer to its contents", elem)
	}
	inner, err := codecOf(elem, depth+1)
	if err != nil {
		return codec{}, err
	}
	return codec{
		append: func(text []byte, v reflect.Value) ([]byte, error) {
			if v.IsNil() {
				return append(text, tagNil), nil
			}
			return inner.append(text, v.Elem())
		},
		parse: func(text []byte, v reflect.Value) ([]byte, error) {
			if len(text) > 0 && text[0] == tagNil {
				v.SetZero()
				return text[1:], nil
			}
			v.Set(reflect.New(elem))
			return inner.parse(text, v.Elem())
		},
	}, nil
}

// structCodec builds the codec of structs.
func structCodec(t reflect.Type, depth int) (codec, error) {
	if t.NumField() == 0 {
		return codec{}, fmt.Errorf("%v has no fields", t)
	}
	fields := make([]codec, t.NumField())
	for i := range fields {
		field := t.Field(i)
		if !field.IsExported() {
			return codec{}, fmt.Errorf("the field %s of %v is not exported; export it", field.Name, t)
		}
		var err error
		if fields[i], err = codecOf(field.Type, depth+1); err != nil {
			return codec{}, fmt.Errorf("field %s: %w", field.Name, err)
		}
	}
	return codec{
		append: func(text []byte, v reflect.Value) (_ []byte, err error) {
			text = appendCount(text, tagStruct, len(fields))
			for i, field := range fields {
				if text, err = field.append(text, v.Field(i)); err != nil {
					return nil, err
				}
			}
			return text, nil
		},
		parse: func(text []byte, v reflect.Value) (_ []byte, err error) {
			n, text, err := parseCount(text, tagStruct)
			if err != nil || n != len(fields) {
				return nil, errPosition
			}
			for i, field := range fields {
				if text, err = field.parse(text, v.Field(i)); err != nil {
					return nil, err
				}
			}
			return text, nil
		},
	}, nil
}

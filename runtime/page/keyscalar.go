package page

import (
	"encoding"
	"fmt"
	"reflect"
	"time"
)

func isScalar(kind reflect.Kind) bool {
	return kind >= reflect.Bool && kind <= reflect.Float64 && kind != reflect.Uintptr || kind == reflect.String
}

// scalarCodec returns the codec of a bool, a number or a string.
func scalarCodec(t reflect.Type) (codec, error) {
	switch kind := t.Kind(); {
	case !isScalar(kind):
		return codec{}, fmt.Errorf("%v is not a bool, number, string, []byte, time, a struct of these, or a pointer to one", t)
	case kind == reflect.Bool:
		return boolCodec, nil
	case kind == reflect.String:
		return stringCodec, nil
	case kind == reflect.Float32 || kind == reflect.Float64:
		return floatCodec, nil
	case kind <= reflect.Int64:
		return intCodec, nil
	}
	return uintCodec, nil
}

var boolCodec = codec{
	append: func(text []byte, v reflect.Value) ([]byte, error) { return appendBool(text, v.Bool()), nil },
	parse: func(text []byte, v reflect.Value) ([]byte, error) {
		if len(text) == 0 || text[0] != tagFalse && text[0] != tagTrue {
			return nil, errPosition
		}
		v.SetBool(text[0] == tagTrue)
		return text[1:], nil
	},
}

var intCodec = codec{
	append: func(text []byte, v reflect.Value) ([]byte, error) { return appendInt(text, v.Int()), nil },
	parse: func(text []byte, v reflect.Value) ([]byte, error) {
		n, rest, err := parseInt(text, tagInt)
		if err != nil || v.OverflowInt(n) {
			return nil, errPosition
		}
		v.SetInt(n)
		return rest, nil
	},
}

var uintCodec = codec{
	append: func(text []byte, v reflect.Value) ([]byte, error) { return appendUint(text, v.Uint()), nil },
	parse: func(text []byte, v reflect.Value) ([]byte, error) {
		n, rest, err := parseUint(text, tagUint)
		if err != nil || v.OverflowUint(n) {
			return nil, errPosition
		}
		v.SetUint(n)
		return rest, nil
	},
}

var floatCodec = codec{
	append: func(text []byte, v reflect.Value) ([]byte, error) { return appendFloat(text, v.Float()), nil },
	parse: func(text []byte, v reflect.Value) ([]byte, error) {
		f, rest, err := parseFloat(text)
		if err != nil || v.OverflowFloat(f) {
			return nil, errPosition
		}
		v.SetFloat(f)
		return rest, nil
	},
}

var stringCodec = codec{
	append: func(text []byte, v reflect.Value) ([]byte, error) {
		return appendText(text, tagString, v.String()), nil
	},
	parse: func(text []byte, v reflect.Value) ([]byte, error) {
		s, rest, err := parseText(text, tagString)
		if err != nil {
			return nil, err
		}
		v.SetString(string(s))
		return rest, nil
	},
}

// bytesCodec is the codec of byte slices and arrays. A nil slice is NULL.
var bytesCodec = codec{
	append: func(text []byte, v reflect.Value) ([]byte, error) {
		if v.Kind() == reflect.Slice && v.IsNil() {
			return append(text, tagNil), nil
		}
		return appendText(text, tagBytes, v.Bytes()), nil
	},
	parse: func(text []byte, v reflect.Value) ([]byte, error) {
		if v.Kind() == reflect.Slice && len(text) > 0 && text[0] == tagNil {
			v.SetZero()
			return text[1:], nil
		}
		b, rest, err := parseText(text, tagBytes)
		if err != nil || v.Kind() == reflect.Array && len(b) != v.Len() {
			return nil, errPosition
		}
		if v.Kind() == reflect.Slice {
			v.SetBytes(append([]byte{}, b...))
		} else {
			copy(v.Bytes(), b)
		}
		return rest, nil
	},
}

var timeCodec = codec{
	append: func(text []byte, v reflect.Value) ([]byte, error) {
		return appendTime(text, *v.Addr().Interface().(*time.Time)), nil
	},
	parse: func(text []byte, v reflect.Value) ([]byte, error) {
		t, rest, err := parseTime(text)
		if err != nil {
			return nil, err
		}
		*v.Addr().Interface().(*time.Time) = t
		return rest, nil
	},
}

// textCodec is the codec of types that implement encoding.TextMarshaler.
var textCodec = codec{
	append: func(text []byte, v reflect.Value) ([]byte, error) {
		own, err := v.Addr().Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return nil, fmt.Errorf("%v: %w", v.Type(), err)
		}
		return appendText(text, tagText, own), nil
	},
	parse: func(text []byte, v reflect.Value) ([]byte, error) {
		own, rest, err := parseText(text, tagText)
		if err == nil && v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(own) != nil {
			err = errPosition
		}
		return rest, err
	},
}

package page

import (
	"database/sql/driver"
	"encoding"
	"fmt"
	"reflect"
	"time"
)

// Tuple is a key of [Keyset] whose columns are known only at run time, such as those of an order
// in the request: one value per column. Values are numbers, strings, []byte, bools, times, nil
// for NULL, pointers to these, types that encode themselves as text, and types that implement
// driver.Valuer. Values from a token are int64, uint64, float64, string, []byte, bool,
// [time.Time] or nil, all of which databases accept.
type Tuple []any

var tupleCodec = codec{
	append: func(text []byte, v reflect.Value) ([]byte, error) {
		values := *v.Addr().Interface().(*Tuple)
		text = appendCount(text, tagTuple, len(values))
		for i, value := range values {
			plain, err := plainOf(value)
			if err != nil {
				return nil, fmt.Errorf("value %d of the tuple: %w", i, err)
			}
			text = appendPlain(text, plain)
		}
		return text, nil
	},
	parse: func(text []byte, v reflect.Value) ([]byte, error) {
		n, text, err := parseCount(text, tagTuple)
		if err != nil {
			return nil, err
		}
		values := make(Tuple, n)
		for i := range values {
			if values[i], text, err = parsePlain(text); err != nil {
				return nil, err
			}
		}
		*v.Addr().Interface().(*Tuple) = values
		return text, nil
	},
}

// plainOf converts a value to one of the types that values from a token have.
func plainOf(value any) (any, error) {
	switch value := value.(type) {
	case nil, bool, int64, uint64, float64, string, []byte:
		return value, nil
	case time.Time: // databases without time zones drop the offset, or compare the text
		return value.UTC(), nil
	}
	v := reflect.ValueOf(value)
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, nil
	}
	switch value := value.(type) {
	case driver.Valuer:
		plain, err := value.Value()
		if err != nil {
			return nil, err
		}
		if again, ok := plain.(driver.Valuer); ok {
			return nil, fmt.Errorf("the Value method of %T returned %T, which is not a driver.Value", value, again)
		}
		return plainOf(plain)
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		return string(text), err
	}
	return plainKind(v)
}

// plainKind is plainOf for the underlying kind of a value.
func plainKind(v reflect.Value) (any, error) {
	switch {
	case v.Kind() == reflect.Pointer:
		return plainOf(v.Elem().Interface())
	case v.Kind() == reflect.Bool:
		return v.Bool(), nil
	case v.Kind() == reflect.String:
		return v.String(), nil
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		return v.Bytes(), nil
	case v.CanInt():
		return v.Int(), nil
	case v.CanUint():
		return v.Uint(), nil
	case v.CanFloat():
		return v.Float(), nil
	}
	return nil, fmt.Errorf("%v cannot be put into a token", v.Type())
}

// appendPlain appends a value returned by plainOf.
func appendPlain(text []byte, value any) []byte {
	switch value := value.(type) {
	case bool:
		return appendBool(text, value)
	case int64:
		return appendInt(text, value)
	case uint64:
		return appendUint(text, value)
	case float64:
		return appendFloat(text, value)
	case string:
		return appendText(text, tagString, value)
	case []byte:
		if value != nil {
			return appendText(text, tagBytes, value)
		}
	case time.Time:
		return appendTime(text, value)
	}
	return append(text, tagNil)
}

// parsePlain parses a value.
func parsePlain(text []byte) (value any, rest []byte, err error) {
	if len(text) == 0 {
		return nil, nil, errPosition
	}
	switch text[0] {
	case tagNil:
		return nil, text[1:], nil
	case tagFalse, tagTrue:
		return text[0] == tagTrue, text[1:], nil
	case tagInt:
		return anyOf(parseInt(text, tagInt))
	case tagUint:
		return anyOf(parseUint(text, tagUint))
	case tagFloat:
		return anyOf(parseFloat(text))
	case tagString:
		s, rest, err := parseText(text, tagString)
		return string(s), rest, err
	case tagBytes:
		return anyOf(parseText(text, tagBytes))
	case tagTime:
		return anyOf(parseTime(text))
	}
	return nil, nil, errPosition
}

func anyOf[T any](value T, rest []byte, err error) (any, []byte, error) { return value, rest, err }

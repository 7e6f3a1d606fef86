package gen

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"
)

// literal spells a value of a policy as Go does in code. Fields that are zero are left out.
func (t *imports) literal(value any) string { return t.valueOf(reflect.ValueOf(value)) }

func (t *imports) valueOf(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case time.Duration:
		return t.duration(value)
	case slog.Level:
		name := value.String()
		return t.of(slogPackage)("Level" + name[:1] + strings.ToLower(name[1:]))
	case fmt.Stringer: // an enum of policies, whose values are called as their constants are
		return t.of(runtimePackage)(value.String())
	case string:
		return quote(value)
	}
	switch v.Kind() {
	case reflect.Pointer:
		return "&" + t.valueOf(v.Elem())
	case reflect.Struct:
		return t.of(runtimePackage)(v.Type().Name()) + t.fieldsOf(v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			return "[]" + t.of(runtimePackage)(v.Type().Elem().Name()) + t.elementsOf(v)
		}
		return fmt.Sprintf("%#v", v.Interface())
	default:
		return fmt.Sprint(v.Interface())
	}
}

// fieldsOf spells the fields of a struct: on one line, but for many fields with a list among them,
// which go on lines of three.
func (t *imports) fieldsOf(v reflect.Value) string {
	var fields []string
	hasList := false
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() {
			fields = append(fields, v.Type().Field(i).Name+": "+t.valueOf(f))
			hasList = hasList || f.Kind() == reflect.Slice
		}
	}
	const inLine = 3
	if !hasList || len(fields) <= inLine {
		return "{" + strings.Join(fields, ", ") + "}"
	}
	text := "{\n"
	for len(fields) > 0 {
		n := min(inLine, len(fields))
		text += strings.Join(fields[:n], ", ") + ",\n"
		fields = fields[n:]
	}
	return text + "}"
}

// elementsOf spells the elements of a list of structs, several of them on a line each.
func (t *imports) elementsOf(v reflect.Value) string {
	if v.Len() == 1 {
		return "{" + t.fieldsOf(v.Index(0)) + "}"
	}
	text := "{\n"
	for i := range v.Len() {
		text += t.fieldsOf(v.Index(i)) + ",\n"
	}
	return text + "}"
}

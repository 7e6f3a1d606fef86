package gen

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// literal spells a policy value as a Go expression. It omits zero fields.
func (t *imports) literal(value any) string { return t.valueOf(reflect.ValueOf(value)) }

func (t *imports) valueOf(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case time.Duration:
		return t.duration(value)
	case slog.Level:
		name := value.String()
		return t.of(slogPackage)("Level" + name[:1] + strings.ToLower(name[1:]))
	case fmt.Stringer: // a policy enum; String returns the name of the constant
		return t.of(packageOf(v.Type()))(value.String())
	case string:
		return quote(value)
	}
	switch v.Kind() {
	case reflect.Pointer:
		return "&" + t.valueOf(v.Elem())
	case reflect.Struct:
		return t.of(packageOf(v.Type()))(v.Type().Name()) + t.fieldsOf(v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			elem := v.Type().Elem()
			return "[]" + t.of(packageOf(elem))(elem.Name()) + t.elementsOf(v)
		}
		return fmt.Sprintf("%#v", v.Interface())
	default:
		return fmt.Sprint(v.Interface())
	}
}

// aliased are the policy types that package runtime aliases, with their constants, so that most
// generated files do without package policy. A type that is not here comes from its own package.
var aliased = []string{
	"Policy", "Idempotency", "Auth", "Rate", "Key", "Concurrency", "Retry", "Hedging", "Log",
	"Page", "Batch", "Operation", "Permission", "OnConflict", "IdempotencyKey", "Tool",
}

// packageOf returns the package through which generated code refers to a policy type and its
// constants.
func packageOf(policyType reflect.Type) goPackage {
	if slices.Contains(aliased, policyType.Name()) {
		return runtimePackage
	}
	return policyPackage
}

// fieldsOf spells the fields of a struct on one line or, if they do not fit, three to a line.
func (t *imports) fieldsOf(v reflect.Value) string {
	const inLine = 3
	var text strings.Builder
	written := 0
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() {
			continue
		}
		separator := " "
		if written%inLine == 0 {
			separator = "\n"
		}
		text.WriteString(separator + v.Type().Field(i).Name + ": " + t.valueOf(f) + ",")
		written++
	}
	return openMark + text.String() + closeMark
}

// elementsOf spells the elements of a slice of structs on one line or, if they do not fit, one to a
// line.
func (t *imports) elementsOf(v reflect.Value) string {
	text := openMark
	for i := range v.Len() {
		text += "\n" + t.fieldsOf(v.Index(i)) + ","
	}
	return text + closeMark
}

func quote(s string) string { return strconv.Quote(s) }

package view

import (
	"reflect"
	"testing"

	"github.com/grpcservice/grpcservice/internal/model"
)

// TestEveryFieldIsFilled checks that the view omits no field: a model without zero fields has a
// view without zero fields.
func TestEveryFieldIsFilled(t *testing.T) {
	var file model.File
	var stub model.MethodStub
	var app model.App
	for _, v := range []any{&file, &stub, &app} {
		fill(reflect.ValueOf(v).Elem())
	}
	unregistered := app.Services[0].Arguments[0]
	unregistered.Name, unregistered.Type, unregistered.Register = "y", "Y", "" // one of App.Sources
	app.Services[0].Arguments = append(app.Services[0].Arguments, unregistered)
	stub.Helper.Package, stub.Helper.Constructor = "operation", "Of"
	wantFilled(t, "File", reflect.ValueOf(OfFile(file)))
	wantFilled(t, "MethodStub", reflect.ValueOf(OfMethodStub(stub)))
	wantFilled(t, "App", reflect.ValueOf(OfApp(app)))
}

// fill sets all fields of a value and gives each slice one element.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	}
}

// wantFilled reports fields that are zero. It skips interfaces, maps, and booleans, which are
// computed and may be false.
func wantFilled(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			t.Errorf("%s is nil", path)
			return
		}
		wantFilled(t, path, v.Elem())
	case reflect.Slice:
		if v.Len() == 0 {
			t.Errorf("%s is empty", path)
			return
		}
		wantFilled(t, path+"[0]", v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				wantFilled(t, path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		}
	case reflect.Bool, reflect.Interface, reflect.Map:
	default:
		if v.IsZero() {
			t.Errorf("%s is zero", path)
		}
	}
}

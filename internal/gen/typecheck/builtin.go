package typecheck

import "reflect"

// builtin is a function of text/template: the minimum and maximum number of its arguments, with no
// maximum if most is negative, and the type of its result for given types of arguments.
type builtin struct {
	least, most int
	returns     func(args []reflect.Type) reflect.Type
}

var builtins = map[string]builtin{
	"and": {1, -1, same}, "or": {1, -1, same}, "not": {1, 1, always[bool]},
	"eq": {2, -1, always[bool]}, "ne": {2, 2, always[bool]},
	"lt": {2, 2, always[bool]}, "le": {2, 2, always[bool]}, "gt": {2, 2, always[bool]}, "ge": {2, 2, always[bool]},
	"len": {1, 1, always[int]}, "index": {1, -1, indexed}, "slice": {1, 4, sliced}, "call": {1, -1, any1},
	"print": {0, -1, always[string]}, "printf": {1, -1, always[string]}, "println": {0, -1, always[string]},
	"html": {0, -1, always[string]}, "js": {0, -1, always[string]}, "urlquery": {0, -1, always[string]},
}

func always[T any]([]reflect.Type) reflect.Type { return reflect.TypeFor[T]() }

func any1([]reflect.Type) reflect.Type { return unknown }

// same returns the type that all arguments have, or unknown.
func same(args []reflect.Type) reflect.Type {
	for _, t := range args {
		if t != args[0] {
			return unknown
		}
	}
	if len(args) == 0 {
		return unknown
	}
	return args[0]
}

// indexed returns the type of an element of args[0], indexed with each of the other arguments in
// turn.
func indexed(args []reflect.Type) reflect.Type {
	if len(args) == 0 {
		return unknown
	}
	t := args[0]
	for range args[1:] {
		if t == unknown {
			return unknown
		}
		switch t.Kind() {
		case reflect.Slice, reflect.Array, reflect.Map:
			t = known(t.Elem())
		default:
			return unknown
		}
	}
	return t
}

// sliced returns the type of a slice of args[0].
func sliced(args []reflect.Type) reflect.Type {
	if len(args) == 0 || args[0] == unknown || args[0].Kind() == reflect.Array {
		return unknown
	}
	return args[0]
}

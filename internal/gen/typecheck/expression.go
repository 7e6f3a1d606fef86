package typecheck

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
)

// expression returns the type of a pipeline, which is that of its last command. Each command gets
// the value of the previous one as its last argument.
func (s *scope) expression(p *parse.PipeNode) reflect.Type {
	var value *reflect.Type
	for _, command := range p.Cmds {
		result := s.command(command, value)
		value = &result
	}
	if value == nil {
		return unknown
	}
	return *value
}

// command returns the type of a command; last is the type of the piped argument, or nil.
func (s *scope) command(c *parse.CommandNode, last *reflect.Type) reflect.Type {
	first, args := c.Args[0], arguments{nodes: c.Args[1:], last: last}
	switch n := first.(type) {
	case *parse.FieldNode:
		return s.chain(n, s.dot, n.Ident, args)
	case *parse.ChainNode:
		return s.chain(n, s.operand(n.Node), n.Field, args)
	case *parse.VariableNode:
		kind, _ := s.variable(n.Ident[0])
		return s.chain(n, kind, n.Ident[1:], args)
	case *parse.IdentifierNode:
		return s.function(n, args)
	}
	if args.count() > 0 {
		s.fail(first, "%s is given an argument and is no function", first)
	}
	return s.operand(first)
}

// operand returns the type of a node that is a single value.
func (s *scope) operand(node parse.Node) reflect.Type {
	switch n := node.(type) {
	case *parse.DotNode:
		return s.dot
	case *parse.BoolNode:
		return reflect.TypeFor[bool]()
	case *parse.StringNode:
		return reflect.TypeFor[string]()
	case *parse.NumberNode:
		return numberType(n)
	case *parse.PipeNode:
		return s.pipe(n)
	case *parse.FieldNode, *parse.ChainNode, *parse.VariableNode, *parse.IdentifierNode:
		return s.command(&parse.CommandNode{Args: []parse.Node{n}}, nil)
	default:
		return unknown // a nil node
	}
}

// numberType returns the default type of a number.
func numberType(n *parse.NumberNode) reflect.Type {
	switch {
	case n.IsInt:
		return reflect.TypeFor[int]()
	case n.IsFloat:
		return reflect.TypeFor[float64]()
	default:
		return unknown
	}
}

// chain returns the type of a chain such as .A.B.C, evaluated on value. The last name may be a
// method that takes args.
func (s *scope) chain(node parse.Node, value reflect.Type, names []string, args arguments) reflect.Type {
	for i, name := range names {
		last := arguments{}
		if i == len(names)-1 {
			last = args
		}
		value = s.field(node, value, name, last)
	}
	if len(names) == 0 && args.count() > 0 {
		s.fail(node, "%s is given an argument and is no function", node)
	}
	return value
}

// field returns the type of a field, of the result of a method, or of a map's values.
func (s *scope) field(node parse.Node, of reflect.Type, name string, args arguments) reflect.Type {
	if of == unknown {
		s.all(args)
		return unknown
	}
	if m, found := of.MethodByName(name); found {
		return s.invoke(node, name, m.Type, 1, args)
	}
	if args.count() > 0 {
		s.fail(node, "%s of %s is given an argument and is no method", name, spell(of))
	}
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	switch of.Kind() {
	case reflect.Struct:
		if f, found := of.FieldByName(name); found && f.IsExported() {
			return known(f.Type)
		}
	case reflect.Map:
		return known(of.Elem())
	case reflect.Interface:
		return unknown
	}
	s.fail(node, "there is no %s in %s%s", name, spell(of), has(of))
	return unknown
}

// has lists the fields and methods of a type for an error.
func has(t reflect.Type) string {
	var names []string
	if t.Kind() == reflect.Struct {
		for _, f := range reflect.VisibleFields(t) {
			if f.IsExported() && !f.Anonymous {
				names = append(names, f.Name)
			}
		}
	}
	for i := range t.NumMethod() {
		names = append(names, t.Method(i).Name)
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return ", which has " + strings.Join(slices.Compact(names), ", ")
}

// arguments holds the arguments of a function or method. If last is not nil, it is the type of a
// piped argument.
type arguments struct {
	nodes []parse.Node
	last  *reflect.Type
}

func (a arguments) count() int {
	if a.last != nil {
		return len(a.nodes) + 1
	}
	return len(a.nodes)
}

// all checks arguments whose parameters are not known, and returns their types.
func (s *scope) all(a arguments) []reflect.Type {
	var kinds []reflect.Type
	for _, node := range a.nodes {
		kinds = append(kinds, s.operand(node))
	}
	if a.last != nil {
		kinds = append(kinds, *a.last)
	}
	return kinds
}

// function returns the type of a function's result. It reports a function that does not exist.
func (s *scope) function(n *parse.IdentifierNode, args arguments) reflect.Type {
	if f, found := s.functions[n.Ident]; found {
		return s.invoke(n, n.Ident, reflect.TypeOf(f), 0, args)
	}
	if b, found := builtins[n.Ident]; found {
		if args.count() < b.least || b.most >= 0 && args.count() > b.most {
			s.fail(n, "%s is given %s", n.Ident, plural(args.count()))
		}
		return b.returns(s.all(args))
	}
	s.fail(n, "there is no function %s here; there are %s, and those of text/template", n.Ident,
		strings.Join(slices.Sorted(maps.Keys(s.functions)), ", "))
	s.all(args)
	return unknown
}

// invoke checks the arguments of a function and returns the type of its result. For a method, skip
// is 1 and skips the receiver.
func (s *scope) invoke(node parse.Node, name string, f reflect.Type, skip int, args arguments) reflect.Type {
	kinds := s.all(args)
	if wanted, ok := takes(f, skip, len(kinds)); !ok {
		s.fail(node, "%s is given %s and takes %s", name, plural(len(kinds)), wanted)
		return known(f.Out(0))
	}
	for i, kind := range kinds {
		parameter := f.In(min(i+skip, f.NumIn()-1))
		if f.IsVariadic() && i+skip >= f.NumIn()-1 {
			parameter = parameter.Elem()
		}
		var literal parse.Node
		if i < len(args.nodes) {
			literal = args.nodes[i]
		}
		if !fits(kind, parameter, literal) {
			s.fail(node, "argument %d of %s is of type %s, and has to be of type %s", i+1, name, spell(kind), spell(parameter))
		}
	}
	return known(f.Out(0))
}

// takes returns how many arguments f takes, and reports whether it accepts the given number.
func takes(f reflect.Type, skip, given int) (wanted string, ok bool) {
	n := f.NumIn() - skip
	if f.IsVariadic() {
		return fmt.Sprintf("%d or more", n-1), given >= n-1
	}
	return strconv.Itoa(n), given == n
}

func plural(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// fits reports whether text/template accepts an argument for a parameter, with the conversions that
// it makes.
func fits(kind, parameter reflect.Type, literal parse.Node) bool {
	switch {
	case kind == unknown || kind.AssignableTo(parameter):
		return true
	case kind.Kind() == reflect.Pointer && kind.Elem().AssignableTo(parameter), reflect.PointerTo(kind).AssignableTo(parameter):
		return true
	}
	number, isNumber := literal.(*parse.NumberNode)
	if !isNumber {
		return false
	}
	switch parameter.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return number.IsInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return number.IsUint
	case reflect.Float32, reflect.Float64:
		return number.IsFloat
	default:
		return false
	}
}

package gen

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"text/template/parse"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// program executes templates like package text/template, for what the templates of generated files
// use, in a fifth of the time: it looks up fields, methods and functions once for each type, when it
// compiles a template, and not in each execution.
//
// Tests compare it with text/template, which executes the user's templates.
type program struct {
	tree      func(name string) (*parse.Tree, error)
	functions map[string]any
	compiled  map[templateOf]*routine
	buffer    []byte // of the last execution
}

// templateOf is a template that is executed with data of a type.
type templateOf struct {
	name string
	data reflect.Type
}

// routine is a compiled template.
type routine struct {
	run       step
	variables int
}

// step executes a part of a template with the data dot.
type step func(x *execution, dot reflect.Value)

// execution is an execution of a template. It stops at an error by a panic with it.
type execution struct {
	out       []byte
	variables []reflect.Value
	base      int // of the variables of the routine
}

func newProgram(tree func(name string) (*parse.Tree, error), functions map[string]any) *program {
	return &program{tree: tree, functions: functions, compiled: make(map[templateOf]*routine)}
}

// execute returns the output of a template. It reports false if the program cannot execute it.
func (p *program) execute(name string, data any) (out []byte, ok bool) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case cannot:
			out, ok = nil, false
		default:
			panic(r)
		}
	}()
	x := &execution{out: p.buffer[:0]}
	p.buffer = nil // a function of the template may execute another one
	value := reflect.ValueOf(data)
	x.call(p.routine(name, value.Type()), value)
	p.buffer = x.out
	return bytes.Clone(x.out), true
}

// cannot is why a program cannot execute a template.
type cannot string

func fail(format string, args ...any) { panic(cannot(fmt.Sprintf(format, args...))) }

// call executes a routine.
func (x *execution) call(r *routine, dot reflect.Value) {
	base := x.base
	x.base = len(x.variables)
	for range r.variables {
		x.variables = append(x.variables, reflect.Value{})
	}
	r.run(x, dot)
	x.variables = x.variables[:x.base]
	x.base = base
}

// routine returns a compiled template.
func (p *program) routine(name string, data reflect.Type) *routine {
	key := templateOf{name, data}
	if r := p.compiled[key]; r != nil {
		return r
	}
	tree, err := p.tree(name)
	if tree == nil || err != nil {
		fail("%s does not exist", name)
	}
	r := &routine{}
	p.compiled[key] = r // it may call itself
	c := compiler{program: p, routine: r}
	c.declare("$", data)
	start := c.list(tree.Root, data)
	r.run = func(x *execution, dot reflect.Value) {
		x.variables[x.base] = dot
		start(x, dot)
	}
	return r
}

// compiler compiles a template.
type compiler struct {
	*program
	routine *routine
	scope   []variable
}

// variable is a variable of a template, by its place among those of its routine.
type variable struct {
	name  string
	place int
	typ   reflect.Type
}

func (c *compiler) declare(name string, typ reflect.Type) (place int) {
	place = c.routine.variables
	c.routine.variables++
	c.scope = append(c.scope, variable{name, place, typ})
	return place
}

// list compiles the nodes of a list. The variables that they declare end with it.
func (c *compiler) list(list *parse.ListNode, dot reflect.Type) step {
	if list == nil {
		return func(*execution, reflect.Value) {}
	}
	before := len(c.scope)
	steps := make([]step, 0, len(list.Nodes))
	for _, node := range list.Nodes {
		steps = append(steps, c.node(node, dot))
	}
	c.scope = c.scope[:before]
	return func(x *execution, dot reflect.Value) {
		for _, run := range steps {
			run(x, dot)
		}
	}
}

func (c *compiler) node(node parse.Node, dot reflect.Type) step {
	switch n := node.(type) {
	case *parse.TextNode:
		return func(x *execution, _ reflect.Value) { x.out = append(x.out, n.Text...) }
	case *parse.ActionNode:
		return c.action(n.Pipe, dot)
	case *parse.IfNode:
		test := c.pipe(n.Pipe, dot)
		return branch(test, c.list(n.List, dot), c.list(n.ElseList, dot), false)
	case *parse.WithNode:
		test := c.pipe(n.Pipe, dot)
		return branch(test, c.list(n.List, test.typ), c.list(n.ElseList, dot), true)
	case *parse.RangeNode:
		return c.ranging(n, dot)
	case *parse.TemplateNode:
		return c.template(n, dot)
	}
	fail("%s", node)
	return nil
}

// branch returns the step of an if, or of a with.
func branch(test expression, yes, no step, isWith bool) step {
	return func(x *execution, dot reflect.Value) {
		value := test.eval(x, dot)
		switch {
		case !isTrue(value):
			no(x, dot)
		case isWith:
			yes(x, value)
		default:
			yes(x, dot)
		}
	}
}

// isTrue is [template.IsTrue].
func isTrue(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String:
		return v.Len() > 0
	case reflect.Struct:
		return true
	default:
		return !v.IsZero()
	}
}

func (c *compiler) action(pipe *parse.PipeNode, dot reflect.Type) step {
	value := c.pipe(&parse.PipeNode{Cmds: pipe.Cmds}, dot)
	if len(pipe.Decl) == 0 {
		return value.print
	}
	if len(pipe.Decl) > 1 || pipe.IsAssign {
		fail("%s", pipe)
	}
	place := c.declare(pipe.Decl[0].Ident[0], value.typ)
	return func(x *execution, dot reflect.Value) { x.variables[x.base+place] = value.eval(x, dot) }
}

func (c *compiler) ranging(n *parse.RangeNode, dot reflect.Type) step {
	list := c.pipe(&parse.PipeNode{Cmds: n.Pipe.Cmds}, dot)
	if list.typ.Kind() != reflect.Slice || n.ElseList != nil {
		fail("%s", n)
	}
	before, index, element := len(c.scope), -1, -1
	switch decl := n.Pipe.Decl; len(decl) {
	case 2:
		index = c.declare(decl[0].Ident[0], reflect.TypeFor[int]())
		element = c.declare(decl[1].Ident[0], list.typ.Elem())
	case 1:
		element = c.declare(decl[0].Ident[0], list.typ.Elem())
	}
	body := c.list(n.List, list.typ.Elem())
	c.scope = c.scope[:before]
	return func(x *execution, dot reflect.Value) {
		values := list.eval(x, dot)
		for i := range values.Len() {
			value := values.Index(i)
			if index >= 0 {
				x.variables[x.base+index] = reflect.ValueOf(i)
			}
			if element >= 0 {
				x.variables[x.base+element] = value
			}
			body(x, value)
		}
	}
}

func (c *compiler) template(n *parse.TemplateNode, dot reflect.Type) step {
	if n.Pipe == nil {
		fail("%s", n)
	}
	data := c.pipe(n.Pipe, dot)
	r := c.program.routine(n.Name, data.typ)
	return func(x *execution, dot reflect.Value) { x.call(r, data.eval(x, dot)) }
}

// expression is a compiled pipeline or argument.
type expression struct {
	typ  reflect.Type
	eval func(x *execution, dot reflect.Value) reflect.Value
	text func(x *execution, dot reflect.Value) string // instead of eval, if the type is string
}

// ofText returns an expression of type string.
func ofText(text func(*execution, reflect.Value) string) expression {
	return expression{
		typ:  reflect.TypeFor[string](),
		eval: func(x *execution, dot reflect.Value) reflect.Value { return reflect.ValueOf(text(x, dot)) },
		text: text,
	}
}

// print writes the value of an expression.
func (e expression) print(x *execution, dot reflect.Value) {
	if e.text != nil {
		x.out = append(x.out, e.text(x, dot)...)
		return
	}
	x.out = fmt.Append(x.out, e.eval(x, dot).Interface())
}

// withText returns an expression that also evaluates to a text, if its type is string.
func withText(e expression) expression {
	if e.typ == reflect.TypeFor[string]() {
		e.text = func(x *execution, dot reflect.Value) string { return e.eval(x, dot).String() }
	}
	return e
}

func (c *compiler) pipe(pipe *parse.PipeNode, dot reflect.Type) expression {
	if len(pipe.Cmds) != 1 || len(pipe.Decl) > 0 {
		fail("%s", pipe)
	}
	args := pipe.Cmds[0].Args
	if name, is := args[0].(*parse.IdentifierNode); is {
		return c.function(name.Ident, args[1:], dot)
	}
	if len(args) > 1 {
		fail("%s", pipe)
	}
	return c.argument(args[0], dot)
}

func (c *compiler) argument(node parse.Node, dot reflect.Type) expression {
	switch n := node.(type) {
	case *parse.DotNode:
		itself := func(_ *execution, dot reflect.Value) reflect.Value { return dot }
		return withText(expression{typ: dot, eval: itself})
	case *parse.FieldNode:
		return chain(c.argument(&parse.DotNode{}, dot), n.Ident)
	case *parse.VariableNode:
		return chain(c.variable(n.Ident[0]), n.Ident[1:])
	case *parse.StringNode:
		return ofText(func(*execution, reflect.Value) string { return n.Text })
	case *parse.NumberNode:
		value := reflect.ValueOf(int(n.Int64))
		constant := func(*execution, reflect.Value) reflect.Value { return value }
		return expression{typ: value.Type(), eval: constant}
	case *parse.PipeNode:
		return c.pipe(n, dot)
	case *parse.IdentifierNode:
		return c.function(n.Ident, nil, dot)
	}
	fail("%s", node)
	return expression{}
}

func (c *compiler) variable(name string) expression {
	for i := len(c.scope) - 1; i >= 0; i-- {
		if v := c.scope[i]; v.name == name {
			return withText(expression{typ: v.typ, eval: func(x *execution, _ reflect.Value) reflect.Value {
				return x.variables[x.base+v.place]
			}})
		}
	}
	fail("%s", name)
	return expression{}
}

// chain returns the expression of the fields or methods that follow a value.
func chain(e expression, names []string) expression {
	for _, name := range names {
		e = member(e, name)
	}
	return e
}

// member returns the expression of a field or a method of a value.
func member(e expression, name string) expression {
	if method, has := e.typ.MethodByName(name); has {
		return ofMethod(e, method)
	}
	typ, isPointer := e.typ, e.typ.Kind() == reflect.Pointer
	if isPointer {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct {
		fail("%v.%s", e.typ, name)
	}
	if _, has := reflect.PointerTo(typ).MethodByName(name); has {
		fail("%v.%s", e.typ, name) // it depends on whether the value has an address
	}
	field, has := typ.FieldByName(name)
	if !has || !field.IsExported() {
		fail("%v.%s", e.typ, name)
	}
	return withText(expression{typ: field.Type, eval: func(x *execution, dot reflect.Value) reflect.Value {
		value := e.eval(x, dot)
		if isPointer {
			value = value.Elem()
		}
		for _, i := range field.Index {
			value = value.Field(i)
		}
		return value
	}})
}

// ofMethod returns the expression of a method without arguments.
func ofMethod(e expression, method reflect.Method) expression {
	if method.Type.NumIn() != 1 || method.Type.NumOut() != 1 {
		fail("%v.%s", e.typ, method.Name)
	}
	eval := func(x *execution, dot reflect.Value) reflect.Value {
		return method.Func.Call([]reflect.Value{e.eval(x, dot)})[0]
	}
	return withText(expression{typ: method.Type.Out(0), eval: eval})
}

// function returns the expression of a call.
func (c *compiler) function(name string, nodes []parse.Node, dot reflect.Type) expression {
	args := make([]expression, len(nodes))
	for i, node := range nodes {
		args[i] = c.argument(node, dot)
	}
	if f := c.functions[name]; f != nil {
		return call(f, args)
	}
	return builtin(name, args)
}

// call returns the expression of a call of a function.
func call(function any, args []expression) expression {
	f := reflect.ValueOf(function)
	if f.Type().NumIn() != len(args) || f.Type().IsVariadic() {
		fail("%v with %d arguments", f.Type(), len(args))
	}
	switch f := function.(type) {
	case func(string) string:
		if args[0].text != nil {
			return ofText(func(x *execution, dot reflect.Value) string { return f(args[0].text(x, dot)) })
		}
	case func(golang.Ident) string:
		if args[0].typ == reflect.TypeFor[golang.Ident]() {
			return ofText(func(x *execution, dot reflect.Value) string {
				value := args[0].eval(x, dot)
				if value.CanAddr() {
					return f(*value.Addr().Interface().(*golang.Ident))
				}
				return f(value.Interface().(golang.Ident))
			})
		}
	}
	for i, arg := range args {
		in := f.Type().In(i)
		isPointer := arg.typ.Kind() == reflect.Pointer
		if !arg.typ.AssignableTo(in) && !(isPointer && arg.typ.Elem().AssignableTo(in)) {
			fail("%v of %v", f.Type(), arg.typ)
		}
	}
	return withText(expression{f.Type().Out(0), func(x *execution, dot reflect.Value) reflect.Value {
		values := make([]reflect.Value, len(args))
		for i, arg := range args {
			values[i] = arg.eval(x, dot)
			if !arg.typ.AssignableTo(f.Type().In(i)) {
				values[i] = values[i].Elem()
			}
		}
		results := f.Call(values)
		if len(results) == 2 && !results[1].IsNil() {
			fail("%v", results[1].Interface())
		}
		return results[0]
	}, nil})
}

// builtin returns the expression of a call of a function of text/template.
func builtin(name string, args []expression) expression {
	type expr = func(*execution, reflect.Value) reflect.Value
	result := func(typ reflect.Type, eval expr) expression {
		return withText(expression{typ: typ, eval: eval})
	}
	areOf := func(kinds ...reflect.Kind) bool {
		return slices.EqualFunc(args, kinds, func(e expression, k reflect.Kind) bool { return e.typ.Kind() == k })
	}
	switch {
	case name == "not" && len(args) == 1:
		return result(reflect.TypeFor[bool](), func(x *execution, dot reflect.Value) reflect.Value {
			return reflect.ValueOf(!isTrue(args[0].eval(x, dot)))
		})
	case name == "len" && areOf(reflect.Slice):
		return result(reflect.TypeFor[int](), func(x *execution, dot reflect.Value) reflect.Value {
			return reflect.ValueOf(args[0].eval(x, dot).Len())
		})
	case name == "eq" && areOf(reflect.Int, reflect.Int):
		return result(reflect.TypeFor[bool](), func(x *execution, dot reflect.Value) reflect.Value {
			return reflect.ValueOf(args[0].eval(x, dot).Int() == args[1].eval(x, dot).Int())
		})
	case name == "index" && areOf(reflect.Slice, reflect.Int):
		return result(args[0].typ.Elem(), func(x *execution, dot reflect.Value) reflect.Value {
			return args[0].eval(x, dot).Index(int(args[1].eval(x, dot).Int()))
		})
	}
	fail("%s", name)
	return expression{}
}

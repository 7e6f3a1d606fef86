// Package typecheck finds errors in templates of text/template without executing them. It checks
// every branch for fields, methods, functions and templates that do not exist, arguments of the
// wrong number or type, assignments that change the type of a variable, and values that have no
// textual form. It checks only types: it does not find errors that depend on values, such as a nil
// pointer or an index out of range.
package typecheck

import (
	"fmt"
	"reflect"
	"strings"
	"text/template/parse"

	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// Fault is an error in a template.
type Fault struct {
	Tree *parse.Tree
	Node parse.Node // the node at fault
	Text string     // the message
}

// Entry is a template that is executed directly, with the type of its data and its functions.
type Entry struct {
	Template  string
	Data      reflect.Type
	Functions map[string]any // in addition to those of text/template
}

// Check returns the faults of a template and of the templates that it calls, each once. The
// function lookup finds a template by name, and returns nil if there is none.
func Check(entry Entry, lookup func(name string) *parse.Tree) []Fault {
	c := &checker{functions: entry.Functions, lookup: lookup, seen: make(map[call]bool)}
	c.template(entry.Template, entry.Data)
	return c.faults
}

// unknown is the type of a value whose type is not known. It is compatible with every type.
var unknown reflect.Type

// checker collects the faults of one entry.
type checker struct {
	functions map[string]any
	lookup    func(name string) *parse.Tree
	seen      map[call]bool
	faults    []Fault
}

// call is a template and the type of its data. Each call is checked once, so recursion terminates.
type call struct {
	template string
	data     reflect.Type
}

// template checks a template that exists, for data of the given type.
func (c *checker) template(name string, data reflect.Type) {
	if this := (call{name, data}); !c.seen[this] {
		c.seen[this] = true
		tree := c.lookup(name)
		s := &scope{checker: c, tree: tree, dot: data, variables: []variable{{"$", data}}}
		s.list(tree.Root)
	}
}

// scope is the context of a node in a template: the type of dot and the variables.
type scope struct {
	*checker
	tree      *parse.Tree
	dot       reflect.Type
	variables []variable
}

type variable struct {
	name string
	kind reflect.Type
}

// fail records a fault of a node, once, even if the template is called with data of several types.
func (s *scope) fail(node parse.Node, format string, args ...any) {
	fault := Fault{s.tree, node, fmt.Sprintf(format, args...)}
	for _, f := range s.faults {
		if f.Node == node && f.Text == fault.Text {
			return
		}
	}
	s.faults = append(s.faults, fault)
}

// inner returns a scope nested in s. It has the variables of s, but s does not get those declared
// in it.
func (s *scope) inner() *scope {
	inner := *s
	inner.variables = s.variables[:len(s.variables):len(s.variables)]
	return &inner
}

func (s *scope) list(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.ActionNode:
			s.action(n)
		case *parse.IfNode:
			s.branch(&n.BranchNode, func(in *scope, _ reflect.Type) {})
		case *parse.WithNode:
			s.branch(&n.BranchNode, func(in *scope, value reflect.Type) { in.dot = value })
		case *parse.RangeNode:
			s.rangeOver(n)
		case *parse.TemplateNode:
			s.call(n)
		}
	}
}

// action checks a pipeline whose value is written or assigned to a variable.
func (s *scope) action(n *parse.ActionNode) {
	value := s.pipe(n.Pipe)
	if len(n.Pipe.Decl) == 0 && !hasText(value) {
		s.fail(n, "%s has no text: it is of type %s; write its fields, or pass it to a function", n.Pipe, spell(value))
	}
}

// hasText reports whether values of a type have a useful textual form.
func hasText(t reflect.Type) bool {
	if t == unknown || t.Implements(reflect.TypeFor[fmt.Stringer]()) || t.Implements(reflect.TypeFor[error]()) {
		return true
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Pointer, reflect.Map, reflect.Slice, reflect.Array, reflect.Func, reflect.Chan:
		return false
	default:
		return true
	}
}

// branch checks an if or a with. The function enter prepares the scope of the branch that is
// executed if the value is not empty.
func (s *scope) branch(b *parse.BranchNode, enter func(in *scope, value reflect.Type)) {
	outer := s.inner()
	value := outer.pipe(b.Pipe)
	then := outer.inner()
	enter(then, value)
	then.list(b.List)
	outer.inner().list(b.ElseList)
}

// rangeOver checks a range and declares its variables with the types of the key and the element.
func (s *scope) rangeOver(n *parse.RangeNode) {
	outer := s.inner()
	value := outer.expression(n.Pipe)
	key, element, ok := elements(value)
	if !ok {
		s.fail(n, "%s cannot be ranged over: it is of type %s", n.Pipe, spell(value))
	}
	then := outer.inner()
	then.dot = element
	switch decl := n.Pipe.Decl; len(decl) {
	case 1:
		then.assign(n.Pipe, decl[0], element)
	case 2:
		then.assign(n.Pipe, decl[0], key)
		then.assign(n.Pipe, decl[1], element)
	}
	then.list(n.List)
	outer.inner().list(n.ElseList)
}

// elements returns the types of the keys and elements of a value, and reports whether it can be
// ranged over.
func elements(t reflect.Type) (key, element reflect.Type, ok bool) {
	if t == unknown {
		return unknown, unknown, true
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return reflect.TypeFor[int](), known(t.Elem()), true
	case reflect.Map:
		return known(t.Key()), known(t.Elem()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return t, t, true
	case reflect.Chan, reflect.Func:
		return unknown, unknown, true
	default:
		return unknown, unknown, false
	}
}

// known returns t, or unknown if t is an interface: its dynamic type is known only at run time.
func known(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Interface {
		return unknown
	}
	return t
}

// call checks that a template exists, and checks the template itself.
func (s *scope) call(n *parse.TemplateNode) {
	data := reflect.TypeFor[nothing]()
	if n.Pipe != nil {
		data = s.pipe(n.Pipe)
	}
	if s.lookup(n.Name) == nil {
		s.fail(n, "there is no template %q", n.Name)
		return
	}
	s.template(n.Name, data)
}

// nothing is the type of the data of a template that is called without data.
type nothing struct{}

// pipe checks a pipeline, declares its variables, and returns its type.
func (s *scope) pipe(p *parse.PipeNode) reflect.Type {
	value := s.expression(p)
	for _, v := range p.Decl {
		s.assign(p, v, value)
	}
	return value
}

// assign declares a variable of the given type, or checks the assignment to an existing one.
func (s *scope) assign(p *parse.PipeNode, v *parse.VariableNode, kind reflect.Type) {
	name := v.Ident[0]
	if !p.IsAssign {
		s.variables = append(s.variables, variable{name, kind})
		return
	}
	if old, found := s.variable(name); found && old != kind {
		s.fail(v, "%s is of type %s, and this is of type %s", name, spell(old), spell(kind))
	}
}

// variable returns the type of a variable. The parser has checked that the variable exists.
func (s *scope) variable(name string) (kind reflect.Type, found bool) {
	for i := len(s.variables) - 1; i >= 0; i-- {
		if s.variables[i].name == name {
			return s.variables[i].kind, true
		}
	}
	return unknown, false
}

// spell returns the name of a type for an error.
func spell(t reflect.Type) string {
	switch t {
	case unknown:
		return "any"
	case reflect.TypeFor[nothing]():
		return "nothing, as the template is called without data"
	default:
		return strings.ReplaceAll(qualifier.ReplaceAllString(t.String(), ""), "interface {}", "any")
	}
}

// qualifier matches the package in the name of a type. Templates cannot name packages, and the docs
// list types without them.
var qualifier = lazyregexp.New(`\b[a-z]\w*\.\b`)

package validate

import (
	"fmt"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldrules"
)

const (
	// maxIterations is how many iterations of nested loops a rule may make if all its lists are
	// limited, which takes about a second.
	maxIterations = 1_000_000
	// maxPerElement is the same for each element of a list that is not limited.
	maxPerElement = 1000
)

// checkCost returns an error for an expression whose cost grows faster than the request. Nothing
// stops an expression while it is evaluated: a request of 200 KB could take an hour. The lists in
// the message desc count as limited if their rules limit them; desc is nil for a rule that is
// evaluated before those.
func checkCost(env *cel.Env, expression string, desc protoreflect.MessageDescriptor) error {
	parsed, issues := env.Parse(expression)
	if issues.Err() != nil {
		return nil // the engine reports it
	}
	c := costs{desc: desc}
	c.visit(parsed.NativeRep().Expr(), nest{iterations: 1})
	if !c.excessive {
		return nil
	}
	return fmt.Errorf("%q iterates over a list within an iteration over another, so that its cost is the product of "+
		"their sizes; make it a rule of the message that has the lists, and limit them with repeated.max_items "+
		"(at most %d); or use WithAnyCost", cut(expression, maxDescription), maxPerElement)
}

// costs finds loops within loops.
type costs struct {
	desc      protoreflect.MessageDescriptor
	excessive bool
}

// nest are the loops around an expression.
type nest struct {
	unlimited  bool     // one of them is over a list without a limit
	variables  []string // of the innermost of those: what they lead to is in one element
	iterations int      // of all others together
}

// visit visits an expression that is evaluated in the loops of n.
func (c *costs) visit(e ast.Expr, n nest) {
	switch e.Kind() {
	case ast.ComprehensionKind:
		loop := e.AsComprehension()
		c.visit(loop.IterRange(), n)
		c.visit(loop.AccuInit(), n)
		inner := c.enter(loop.IterRange(), n, loop.IterVar(), loop.IterVar2())
		c.visit(loop.LoopCondition(), inner)
		c.visit(loop.LoopStep(), inner)
		c.visit(loop.Result(), n)
	case ast.CallKind:
		c.visitCall(e.AsCall(), n)
	case ast.SelectKind:
		c.visit(e.AsSelect().Operand(), n)
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			c.visit(element, n)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			c.visit(entry.AsMapEntry().Key(), n)
			c.visit(entry.AsMapEntry().Value(), n)
		}
	case ast.StructKind:
		for _, field := range e.AsStruct().Fields() {
			c.visit(field.AsStructField().Value(), n)
		}
	}
}

// visitCall visits a call. Those that look through a list are loops.
func (c *costs) visitCall(call ast.CallExpr, n nest) {
	args := call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	for _, arg := range args {
		c.visit(arg, n)
	}
	switch name := call.FunctionName(); {
	case name == operators.In && len(args) == 2 && !c.isMap(args[1]):
		c.enter(args[1], n)
	case name == "unique" && len(args) == 1:
		c.enter(args[0], n)
	}
}

// enter returns the nest of a loop over what e results in.
func (c *costs) enter(e ast.Expr, n nest, variables ...string) nest {
	root := rootOf(e)
	size, limited := c.limitOf(e)
	switch {
	case root == "" && !limited: // a constant
	case limited:
		n.iterations *= max(size, 1)
	default:
		if n.unlimited && !slices.Contains(n.variables, root) {
			c.excessive = true
		}
		n.unlimited, n.variables = true, variables
	}
	most := maxIterations
	if n.unlimited {
		most = maxPerElement
	}
	if n.iterations > most {
		c.excessive = true
		n.iterations = 1
	}
	return n
}

// rootOf returns the variable that an expression reads its list from, or "".
func rootOf(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		return rootOf(e.AsSelect().Operand())
	case ast.ComprehensionKind:
		return rootOf(e.AsComprehension().IterRange())
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return rootOf(call.Target())
		}
		for _, arg := range call.Args() {
			if root := rootOf(arg); root != "" {
				return root
			}
		}
	}
	return ""
}

// limitOf returns the maximum size of what an expression results in, if it is known.
func (c *costs) limitOf(e ast.Expr) (size int, limited bool) {
	switch e.Kind() {
	case ast.ListKind:
		return e.AsList().Size(), true
	case ast.MapKind:
		return e.AsMap().Size(), true
	case ast.ComprehensionKind:
		return c.limitOf(e.AsComprehension().IterRange())
	}
	field := c.fieldOf(e)
	if field == nil {
		return 0, false
	}
	rules, _ := protovalidate.ResolveFieldRules(field)
	switch {
	case field.IsList() && rules.GetRepeated().HasMaxItems():
		return saturated(rules.GetRepeated().GetMaxItems()), true
	case field.IsMap() && rules.GetMap().HasMaxPairs():
		return saturated(rules.GetMap().GetMaxPairs()), true
	}
	return 0, false
}

// isMap reports whether an expression is a map, in which a key is found at once.
func (c *costs) isMap(e ast.Expr) bool {
	field := c.fieldOf(e)
	return e.Kind() == ast.MapKind || field != nil && field.IsMap()
}

// fieldOf returns the field that an expression like this.book.authors selects, if the rules of
// each field on the way have been checked; or nil.
func (c *costs) fieldOf(e ast.Expr) protoreflect.FieldDescriptor {
	if e.Kind() != ast.SelectKind || c.desc == nil {
		return nil
	}
	selection := e.AsSelect()
	desc := c.desc
	if operand := selection.Operand(); operand.Kind() != ast.IdentKind {
		outer := c.fieldOf(operand)
		if outer == nil || outer.IsList() || outer.IsMap() || outer.Message() == nil {
			return nil
		}
		desc = outer.Message()
	} else if operand.AsIdent() != "this" {
		return nil
	}
	field := desc.Fields().ByName(protoreflect.Name(selection.FieldName()))
	if field == nil || fieldrules.IsOutputOnly(field) {
		return nil
	}
	rules, _ := protovalidate.ResolveFieldRules(field)
	if rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
		return nil
	}
	return field
}

// saturated returns n, or more than any limit.
func saturated(n uint64) int { return int(min(n, maxIterations+1)) }

package validate

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
	"sync"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	pvcel "buf.build/go/protovalidate/cel"
	"cel.dev/cel-go/cel"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldrules"
)

// compiler compiles the rules of messages, each once. It implements [fieldrules.Rules].
type compiler struct {
	anyCost bool
	engine  func() (protovalidate.Validator, error)
	env     func() (*cel.Env, error)
	own     map[protoreflect.MessageDescriptor]compiled
}

// compiled are the checks of one message, nil without rules, or why there are none.
type compiled struct {
	own *fieldrules.Own
	err error
}

// newCompiler returns a compiler. Its engine compiles what it has not seen yet, because methods are
// registered one by one; after that it is only asked for messages that it has compiled.
func newCompiler(anyCost bool) *compiler {
	return &compiler{
		anyCost: anyCost,
		engine: sync.OnceValues(func() (protovalidate.Validator, error) {
			return protovalidate.New(protovalidate.WithFailFast())
		}),
		env: sync.OnceValues(func() (*cel.Env, error) { return cel.NewEnv(cel.Lib(pvcel.NewLibrary())) }),
		own: make(map[protoreflect.MessageDescriptor]compiled),
	}
}

// Of implements [fieldrules.Rules].
func (c *compiler) Of(desc protoreflect.MessageDescriptor) (*fieldrules.Own, error) {
	known, ok := c.own[desc]
	if !ok {
		known.own, known.err = c.compile(desc)
		c.own[desc] = known
	}
	return known.own, known.err
}

// Enters implements [fieldrules.Rules].
func (c *compiler) Enters(field protoreflect.FieldDescriptor) fieldrules.Entry {
	rules, _ := protovalidate.ResolveFieldRules(field) // compile returns the error
	items := rules.GetRepeated().GetItems()
	if field.IsMap() {
		items = rules.GetMap().GetValues()
	}
	switch {
	case rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS,
		items.GetIgnore() == validate.Ignore_IGNORE_ALWAYS:
		return fieldrules.EnterNone
	case items.GetIgnore() == validate.Ignore_IGNORE_IF_ZERO_VALUE:
		return fieldrules.EnterSet
	}
	return fieldrules.EnterAll
}

// compile compiles the rules that a message itself has.
func (c *compiler) compile(desc protoreflect.MessageDescriptor) (*fieldrules.Own, error) {
	r, err := readRules(desc)
	if err != nil || r == nil {
		return nil, err
	}
	if r.engine, err = c.engine(); err != nil {
		return nil, fmt.Errorf("protovalidate: %w", err)
	}
	if err := errors.Join(r.try(), c.checkCosts(r)); err != nil {
		return nil, err
	}
	own := &fieldrules.Own{}
	if len(r.subjects) > 0 {
		own.Fields = r.checkFields
	}
	if r.whole != nil {
		own.Message = r.checkMessage
	}
	return own, nil
}

// checkCosts returns an error for each rule that may cost too much.
func (c *compiler) checkCosts(r *messageRules) error {
	if c.anyCost {
		return nil
	}
	var errs []error
	for _, s := range r.all() {
		for _, expression := range s.expressions {
			env, err := c.env()
			if err != nil {
				return fmt.Errorf("protovalidate: %w", err)
			}
			limits := r.desc
			if s != r.whole {
				limits = nil
			}
			if err := checkCost(env, expression, limits); err != nil {
				errs = append(errs, fmt.Errorf("a rule of %s may cost too much: %w", s.desc.FullName(), err))
			}
		}
	}
	return errors.Join(errs...)
}

// isMistake reports whether an error does not depend on the request. CEL compiles a regular
// expression when it evaluates the rule; with an empty message, it is one of the proto.
func isMistake(err error) bool {
	var compilation *protovalidate.CompilationError
	var regex *syntax.Error
	return errors.As(err, &compilation) || errors.As(err, &regex)
}

// oneLine returns the text of an error of CEL, which has the expression and a caret on lines of
// their own, as one line.
func oneLine(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, " ")
}

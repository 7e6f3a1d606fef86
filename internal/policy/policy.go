// Package policy says what the rules of each method are, and where each of them is from: the options of a service and of a
// method, the messages of its requests, and a policy file.
package policy

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/grpcservice/grpcservice/internal/pattern"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Problem is something wrong with a rule.
type Problem struct {
	Place Place
	Text  string
}

// Place is a place in a proto or in a policy file. Line and Column count from 1; both are 0 where only the file is known.
type Place struct {
	Path         string
	Line, Column int
}

// String returns the place as compilers spell it.
func (p Place) String() string {
	if p.Line == 0 {
		return p.Path
	}
	return fmt.Sprintf("%s:%d:%d", p.Path, p.Line, p.Column)
}

// Policies knows the rules of all methods of a run.
type Policies struct {
	options  options
	file     *File
	messages messages
	ruled    map[protoreflect.FullName]bool // whether a message has rules of its own
}

// New returns the rules of the methods in files, with those of a policy file, which may be nil.
func New(files []*protogen.File, file *File) *Policies {
	return &Policies{options: optionsOf(files), file: file, messages: messagesOf(files), ruled: make(map[protoreflect.FullName]bool)}
}

// Service returns what is wrong with the options of a service.
func (p *Policies) Service(service protoreflect.ServiceDescriptor) []Problem {
	said, problem := p.options.ofService(service)
	if problem != nil {
		return []Problem{*problem}
	}
	var problems []Problem
	for _, fault := range policy.CheckWide(said.policy) {
		problems = append(problems, said.problem(fault))
	}
	return problems
}

// Method returns the rules of a method, or all that is wrong with them.
func (p *Policies) Method(method protoreflect.MethodDescriptor) (Decision, []Problem) {
	service, _ := method.Parent().(protoreflect.ServiceDescriptor)
	sources := make([]source, 0, 2)
	if said, problem := p.options.ofService(service); problem == nil {
		sources = append(sources, said) // a problem is the service's
	}
	said, problem := p.options.ofMethod(method)
	if problem != nil {
		return Decision{}, []Problem{*problem}
	}
	sources = append(append(sources, said), p.file.sources(service.FullName(), method.Name())...)

	facts := p.facts(method)
	merged, faults := policy.Merge(facts, layersOf(sources))
	var problems []Problem
	for _, fault := range faults {
		problems = append(problems, sources[fault.Layer].problem(fault))
	}
	if len(problems) > 0 {
		return Decision{}, problems
	}
	found := pattern.Detect(method, merged, p.messages.seenFrom(method.ParentFile()))
	facts.Patterns = patternsOf(found)
	if problems := misplaced(found, facts, merged, sources); len(problems) > 0 {
		return Decision{}, problems
	}
	decision := decide(method, facts, facts.Fit(merged), sources)
	decision.Found, decision.Patterns = found, foundOf(found)
	return decision, nil
}

// facts returns what the rules of a method depend on.
func (p *Policies) facts(method protoreflect.MethodDescriptor) policy.Method {
	return policy.Method{
		ClientStreams: method.IsStreamingClient(),
		ServerStreams: method.IsStreamingServer(),
		Idempotency:   idempotencyOf(method),
		HasRules:      p.hasRules(method.Input()),
	}
}

// idempotencyOf returns the idempotency_level of a method.
func idempotencyOf(method protoreflect.MethodDescriptor) policy.Idempotency {
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	switch options.GetIdempotencyLevel() {
	case descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
		return policy.NoSideEffects
	case descriptorpb.MethodOptions_IDEMPOTENT:
		return policy.Idempotent
	default:
		return policy.IdempotencyUnknown
	}
}

// source is one place that says something of a method.
type source struct {
	kind    string // what the report calls it
	pattern string // of a rule in a policy file
	policy  *grpcservicev1.Policy
	wide    bool // whether it speaks of many methods
	place   func(field string) Place
}

// problem returns a fault of the source with its place.
func (s source) problem(fault policy.Fault) Problem {
	if fault.Field == "" {
		return Problem{s.place(""), "policy: " + fault.Text}
	}
	return Problem{s.place(fault.Field), "policy: " + fault.Error()}
}

func layersOf(sources []source) []policy.Layer {
	layers := make([]policy.Layer, len(sources))
	for i, s := range sources {
		layers[i] = policy.Layer{Policy: s.policy, Wide: s.wide}
	}
	return layers
}

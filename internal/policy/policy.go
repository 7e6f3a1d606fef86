// Package policy merges the policy of each method, and records where each of its fields comes from.
// The sources are the options of a service and of a method, the request messages, and a policy
// file.
package policy

import (
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/pattern"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Policies holds the rules of all methods of a run.
type Policies struct {
	patterns []pattern.Pattern
	options  options
	file     *File
	messages messages
	ruled    map[protoreflect.FullName]bool // whether a message itself has rules
	explains bool
}

// New returns the rules of the methods in files. The policy file may be nil; the methods may have
// any of the patterns. If explains is false, decisions have no Rules and no Unused: only the report
// lists them.
func New(files []*protogen.File, file *File, patterns []pattern.Pattern, explains bool) *Policies {
	return &Policies{
		patterns: patterns, options: optionsOf(files), file: file, messages: messagesOf(files),
		ruled: make(map[protoreflect.FullName]bool), explains: explains,
	}
}

// Service returns the problems in the options of a service.
func (p *Policies) Service(service protoreflect.ServiceDescriptor) diag.List {
	said, problems := p.options.ofService(service)
	if len(problems) > 0 || said.isSilent {
		return problems
	}
	for _, fault := range policy.CheckWide(said.policy) {
		said.report(&problems, fault)
	}
	return problems
}

// Method returns the rules of a method, or the problems in them.
func (p *Policies) Method(method protoreflect.MethodDescriptor) (Decision, diag.List) {
	sources, problems := p.sources(method)
	if len(problems) > 0 {
		return Decision{}, problems
	}
	facts := p.facts(method)
	if isSilent(sources) {
		return p.byMessages(method, facts, sources)
	}
	merged, faults := policy.Merge(facts, layersOf(sources))
	for _, fault := range faults {
		sources[fault.Layer].report(&problems, fault)
	}
	if len(problems) > 0 {
		return Decision{}, problems
	}
	found := pattern.Detect(p.patterns, method, merged, p.messages.seenFrom(method.ParentFile()), p.merged)
	facts.Patterns = limitsOf(found)
	if problems := p.misplaced(found, facts, merged, sources); len(problems) > 0 {
		return Decision{}, problems
	}
	if problems := toolProblems(facts, merged, sources); len(problems) > 0 {
		return Decision{}, problems
	}
	if problems := permissionProblems(method, facts.Policy(merged).Permission, found, merged, sources); len(problems) > 0 {
		return Decision{}, problems
	}
	return p.decide(method, facts, facts.Fit(merged), sources, found), nil
}

// sources returns what sets rules for a method, the last one taking precedence.
func (p *Policies) sources(method protoreflect.MethodDescriptor) ([]source, diag.List) {
	service, _ := method.Parent().(protoreflect.ServiceDescriptor)
	sources := make([]source, 0, 2)
	if said, problems := p.options.ofService(service); len(problems) == 0 {
		sources = append(sources, said) // Service reports the problems
	}
	said, problems := p.options.ofMethod(method)
	if len(problems) > 0 {
		return nil, problems
	}
	return append(append(sources, said), p.file.sources(service.FullName(), method.Name())...), nil
}

// merged returns what options set for a method, or nil if that is nothing or has problems.
func (p *Policies) merged(method protoreflect.MethodDescriptor) *grpcservicev1.Policy {
	sources, problems := p.sources(method)
	if len(problems) > 0 || isSilent(sources) {
		return nil
	}
	merged, faults := policy.Merge(p.facts(method), layersOf(sources))
	if len(faults) > 0 {
		return nil
	}
	return merged
}

// byMessages returns the decision for a method that no source says anything about. Merging nothing
// takes long, and has no faults.
func (p *Policies) byMessages(method protoreflect.MethodDescriptor, facts policy.Method, sources []source) (Decision, diag.List) {
	found := pattern.Detect(p.patterns, method, nil, p.messages.seenFrom(method.ParentFile()), p.merged)
	facts.Patterns = limitsOf(found)
	nothing := &grpcservicev1.Policy{}
	if problems := p.misplaced(found, facts, nothing, sources); len(problems) > 0 {
		return Decision{}, problems
	}
	return p.decide(method, facts, nothing, sources, found), nil
}

// decide returns the decision for a method whose sources merge into the policy merged.
func (p *Policies) decide(
	method protoreflect.MethodDescriptor, facts policy.Method, merged *grpcservicev1.Policy,
	sources []source, found pattern.Result,
) Decision {
	d := Decision{Policy: facts.Policy(merged), Found: found}
	if p.explains {
		d.Patterns = foundOf(found)
		d.explain(method, facts, merged, sources)
	}
	return d
}

// isSilent reports whether no source sets anything.
func isSilent(sources []source) bool {
	return !slices.ContainsFunc(sources, func(s source) bool { return !s.isSilent })
}

// facts returns what the rules of a method depend on.
func (p *Policies) facts(method protoreflect.MethodDescriptor) policy.Method {
	return policy.Method{
		ClientStreams: method.IsStreamingClient(),
		ServerStreams: method.IsStreamingServer(),
		Idempotency:   policy.IdempotencyOf(method),
		HasRules:      p.hasRules(method.Input()),
	}
}

package pattern

import (
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Method is a method under inspection. It collects the findings of patterns.
type Method struct {
	Desc    protoreflect.MethodDescriptor
	In, Out protoreflect.MessageDescriptor
	Policy  *grpcservicev1.Policy // the policy that options set; it may be nil

	find     func(protoreflect.FullName) protoreflect.MessageDescriptor
	policyOf func(protoreflect.MethodDescriptor) *grpcservicev1.Policy
	findings []Finding
	problems []policy.Fault
	limits   []policy.Fault
}

// Report adds a finding.
func (m *Method) Report(pattern string, e Evidence) {
	m.findings = append(m.findings, e.finding(pattern))
}

// ReportPossible adds a finding of level Possible.
func (m *Method) ReportPossible(pattern, reason, advice string) {
	m.findings = append(m.findings, Finding{Pattern: pattern, Level: Possible, Reason: reason, Advice: advice})
}

func (m *Method) takeFindings() []Finding {
	taken := m.findings
	m.findings = nil
	return taken
}

// Problem reports an error in the policy, once.
func (m *Method) Problem(field, text string) {
	if fault := (policy.Fault{Field: field, Text: text}); !slices.Contains(m.problems, fault) {
		m.problems = append(m.problems, fault)
	}
}

// LimitProblem reports an error in a limit, which options that apply to many methods may set.
func (m *Method) LimitProblem(field, text string) {
	m.limits = append(m.limits, policy.Fault{Field: field, Text: text})
}

// HasProblem reports whether the policy of a pattern already has an error.
func (m *Method) HasProblem(option string) bool {
	return slices.ContainsFunc(m.problems, func(p policy.Fault) bool { return strings.HasPrefix(p.Field, option+".") })
}

// Named returns the field that a policy names, and whether the policy names one that exists and has
// the right kind. It reports anything else as a problem.
func (m *Method) Named(field string, said *string, in protoreflect.MessageDescriptor, want shape.Kind) (shape.Path, bool) {
	if said == nil {
		return nil, false
	}
	path, wrong := shape.ResolveAs(in, *said, want)
	if wrong != "" {
		m.Problem(field, wrong)
		return nil, false
	}
	return path, true
}

// NamedOrNone is like Named, for a field that a policy may disable with an empty name.
func (m *Method) NamedOrNone(field string, said *string, in protoreflect.MessageDescriptor, want shape.Kind) (shape.Path, bool) {
	if said != nil && *said == "" {
		return nil, true
	}
	return m.Named(field, said, in, want)
}

// FirstNamed returns the first of a pattern's parts that the policy names, as in "page.items". It
// is empty if the policy names none, or disables the pattern.
func (m *Method) FirstNamed(p Pattern) string {
	said := m.said(p.Option)
	if said == nil || m.isOff(p.Option) {
		return ""
	}
	for _, part := range p.Parts {
		if said.Get(said.Descriptor().Fields().ByName(protoreflect.Name(part))).String() != "" {
			return p.Option + "." + part
		}
	}
	return ""
}

// said returns the policy's message for a pattern, or nil.
func (m *Method) said(option string) protoreflect.Message {
	if m.Policy == nil {
		return nil
	}
	said := m.Policy.ProtoReflect()
	if field := said.Descriptor().Fields().ByName(protoreflect.Name(option)); field != nil && said.Has(field) {
		return said.Get(field).Message()
	}
	return nil
}

func (m *Method) isOff(option string) bool {
	said := m.said(option)
	return said != nil && said.Get(said.Descriptor().Fields().ByName("off")).Bool()
}

// PolicyOf returns the policy that options set for another method of the service. It may be nil.
func (m *Method) PolicyOf(other protoreflect.MethodDescriptor) *grpcservicev1.Policy {
	if m.policyOf == nil {
		return nil
	}
	return m.policyOf(other)
}

// LookUp returns the message with a name in the method's package, or with a full name.
func (m *Method) LookUp(name string) protoreflect.MessageDescriptor {
	full := protoreflect.FullName(strings.TrimPrefix(name, "."))
	if !full.IsValid() || m.find == nil {
		return nil
	}
	find := func(name protoreflect.FullName) protoreflect.MessageDescriptor {
		if found := m.find(name); found != nil && !found.IsMapEntry() { // an entry has no Go type
			return found
		}
		return nil
	}
	if pkg := m.Desc.ParentFile().Package(); pkg != "" && !strings.HasPrefix(name, ".") {
		if found := find(pkg + "." + full); found != nil {
			return found
		}
	}
	return find(full)
}

// Short returns the name of a message relative to the method's package.
func (m *Method) Short(message protoreflect.MessageDescriptor) string {
	name := string(message.FullName())
	if pkg := m.Desc.ParentFile().Package(); pkg != "" {
		name = strings.TrimPrefix(name, string(pkg)+".")
	}
	return name
}

// Others yields the other methods of the service that do not stream.
func (m *Method) Others() iter.Seq[protoreflect.MethodDescriptor] {
	return func(yield func(protoreflect.MethodDescriptor) bool) {
		service, ok := m.Desc.Parent().(protoreflect.ServiceDescriptor)
		if !ok {
			return
		}
		for i := range service.Methods().Len() {
			other := service.Methods().Get(i)
			if other.FullName() != m.Desc.FullName() && Unary.have(other) && !yield(other) {
				return
			}
		}
	}
}

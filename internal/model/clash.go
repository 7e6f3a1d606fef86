package model

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// scope holds the names that one generated Go package declares.
type scope struct {
	kind     string // "service" or "test"
	declared map[string]declared
	services map[string]declarer // keyed by Go name
}

// declarer is the service, RPC or enum of reasons that names are declared for.
type declarer struct {
	at     diag.Position
	goName string
}

// declared describes what a name is already used for.
type declared struct {
	by   declarer
	what string
}

func newScope(kind string) scope {
	return scope{kind: kind, declared: make(map[string]declared), services: make(map[string]declarer)}
}

// declare adds the names of one service. It reports each name that is already declared, or only the
// Go name of the service if another service has it.
func (s scope) declare(errs *diag.List, by declarer, names []declaration) {
	if other, taken := s.services[by.goName]; taken {
		reportClash(errs, by, other, fmt.Sprintf("its Go name %s is also that of %s", by.goName, other.at.Subject))
		return
	}
	s.services[by.goName] = by
	s.declareNames(errs, by, names)
}

// declareNames adds names. It reports each name that is already declared.
func (s scope) declareNames(errs *diag.List, by declarer, names []declaration) {
	for _, d := range names {
		if other, taken := s.declared[d.name]; taken {
			reportClash(errs, by, other.by, fmt.Sprintf("the %s package would declare %s twice, as its %s and as the %s of %s",
				s.kind, d.name, d.what, other.what, other.by.at.Subject))
			continue
		}
		s.declared[d.name] = declared{by, d.what}
	}
}

// nameMethods names the constants of the RPCs of a service, after all other names of the package
// are declared. If the preferred name is taken, which happens for services such as User and
// UserService, the constant gets a longer name, with a warning.
func (s scope) nameMethods(problems *diag.List, svc *protogen.Service, modelled *Service) {
	if s.services[svc.GoName].at != atService(svc) {
		return // reported by declare
	}
	seen := make(map[string]bool)
	for i := range modelled.Methods {
		m, at := &modelled.Methods[i], atRPC(svc.Methods[i])
		if seen[m.GoName] {
			continue // reported by checkMethodName
		}
		seen[m.GoName] = true
		m.Const = svc.GoName + m.GoName + "Method"
		if other, taken := s.declared[m.Const]; taken {
			preferred := m.Const
			m.Const = svc.GoName + "_" + m.GoName + "Method"
			problems.Warnf(at, "the name of its constant, %s, is taken by the %s of %s (%s), so it is named %s; rename one of the two",
				preferred, other.what, other.by.at.Subject, other.by.at, m.Const)
		}
		s.declareNames(problems, declarer{at: at}, []declaration{{m.Const, "constant"}})
	}
}

// nameHelpers names the helpers of a service. If its short name is taken, a helper gets its long
// name; if that is taken too, it is dropped. Both are warnings, not errors, because helpers are
// optional.
func (s scope) nameHelpers(warnings *diag.List, svc *protogen.Service, modelled *Service) {
	for i := range modelled.Methods {
		m, rpc := &modelled.Methods[i], svc.Methods[i]
		if m.Helper != nil && !s.nameHelper(warnings, rpc, m.Helper) {
			m.Helper = nil
		}
		m.setDoc()
	}
}

// nameHelper names a helper. It reports whether one of its names is free.
func (s scope) nameHelper(warnings *diag.List, rpc *protogen.Method, h *Helper) bool {
	names := helperNames(rpc, h)
	by := declarer{at: atRPC(rpc)}
	free := slices.IndexFunc(names, func(name string) bool { _, taken := s.declared[name]; return !taken })
	if free != 0 {
		other := s.declared[names[0]]
		outcome := "it is not generated"
		if free > 0 {
			outcome = "it is named " + names[free]
		}
		warnings.Warnf(by.at, "the name of its %s helper, %s, is taken by the %s of %s (%s), so %s; rename one of the two, or set the option %s: {off: true}",
			h.Package, names[0], other.what, other.by.at.Subject, other.by.at, outcome, h.Package)
	}
	if free < 0 {
		return false
	}
	s.declared[names[free]] = declared{by, h.Package + " helper"}
	h.setName(names[free])
	return true
}

// reportClash reports a name conflict at a, the later of the two declarers.
func reportClash(errs *diag.List, a, b declarer, text string) {
	errs.Errorf(a.at, "%s (%s); rename one of them", text, b.at)
}

// names returns the declared names, sorted.
func (s scope) names() []string {
	names := make([]string, 0, len(s.declared))
	for name := range s.declared {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// declareReasons declares the constants of reasons in the service package.
func (s scope) declareReasons(errs *diag.List, enum protoreflect.EnumDescriptor, reasons Reasons) {
	by := declarer{at: atEnum(enum)}
	for _, r := range reasons.Values {
		s.declareNames(errs, by, []declaration{{r.Name, "reason"}})
	}
}

package model

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// scope is the names that one generated Go package declares.
type scope struct {
	kind     string // "service" or "test"
	declared map[string]declared
	services map[string]declarer // by Go name
}

// declarer is a service, or an enum of reasons, that names are declared for.
type declarer struct {
	place   Place
	subject string
	goName  string
}

// declared is what a name is already taken by.
type declared struct {
	by   declarer
	what string
}

func newScope(kind string) scope {
	return scope{kind: kind, declared: make(map[string]declared), services: make(map[string]declarer)}
}

// declare adds the names of one service, and reports each that another service has.
func (s scope) declare(errs *problems, by declarer, names []declaration) {
	if other, taken := s.services[by.goName]; taken {
		errs.addClash(by, other, fmt.Sprintf("its Go name %s is that of %s too", by.goName, other.subject))
		return
	}
	s.services[by.goName] = by
	s.declareNames(errs, by, names)
}

// declareNames adds names, and reports each that is taken.
func (s scope) declareNames(errs *problems, by declarer, names []declaration) {
	for _, d := range names {
		if other, taken := s.declared[d.name]; taken {
			errs.addClash(by, other.by, fmt.Sprintf("the %s package would declare %s twice, as its %s and as the %s of %s",
				s.kind, d.name, d.what, other.what, other.by.subject))
			continue
		}
		s.declared[d.name] = declared{by, d.what}
	}
}

// declareHelpers adds the helpers of a service, and reports each whose name is taken.
func (s scope) declareHelpers(errs *problems, svc *protogen.Service, modelled Service) {
	if s.services[svc.GoName].place != placeOf(svc.Desc) {
		return // the clash of the services is reported
	}
	seen := make(map[string]bool)
	for i, m := range modelled.Methods {
		if m.Helper == nil || seen[m.Helper.Name] { // twice by a clash of the RPCs, which is reported
			continue
		}
		seen[m.Helper.Name] = true
		by := declarer{placeOf(svc.Methods[i].Desc), rpcSubject(svc.Methods[i]), ""}
		what := fmt.Sprintf("%s helper", m.Helper.Package)
		if other, taken := s.declared[m.Helper.Name]; taken {
			errs.add(by.place, by.subject, "the service package would declare %s twice, as its %s and as the %s of %s (%s); rename one of them, or set the option %s: {off: true}",
				m.Helper.Name, what, other.what, other.by.subject, other.by.place, m.Helper.Package)
			continue
		}
		s.declared[m.Helper.Name] = declared{by, what}
	}
}

// addClash reports a clash of two declarers, at the later of the two.
func (p *problems) addClash(a, b declarer, text string) {
	p.add(a.place, a.subject, "%s (%s); rename one of them", text, b.place)
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

// checkMethodName reports an RPC whose Go name another one of its service has; seen holds those before it.
func (b *builder) checkMethodName(seen map[string]*protogen.Method, m *protogen.Method) {
	other, taken := seen[m.GoName]
	if !taken {
		seen[m.GoName] = m
		return
	}
	b.errors.add(placeOf(m.Desc), rpcSubject(m), "its Go name %s is that of rpc %s too (%s); rename one of them",
		m.GoName, other.Desc.Name(), placeOf(other.Desc))
}

// rpcSubject names an RPC in a problem.
func rpcSubject(m *protogen.Method) string {
	return fmt.Sprintf("rpc %s.%s", m.Parent.Desc.Name(), m.Desc.Name())
}

// files returns the paths of what is generated for s.
func (s source) files() []string {
	if len(s.Services) == 0 {
		return []string{s.service.File}
	}
	return []string{s.service.File, s.test.File}
}

// checkOutputs reports files that would be written to one place. Letter case does not tell files apart everywhere.
func (b *builder) checkOutputs(sources []source) {
	writers := make(map[string]source)
	for _, s := range sources {
		for _, file := range s.files() {
			key := strings.ToLower(file)
			other, taken := writers[key]
			if !taken {
				writers[key] = s
				continue
			}
			b.errors.add(Place{Path: s.Desc.Path()}, "", "its services would go to %q, where those of %s go; rename one of them, "+
				"or give them different Go packages", file, other.Desc.Path())
			break
		}
	}
}

package policy

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// Unmatched reports the patterns of the policy file that match no method in files. A run may not
// see all protos, since buf may run the plugin once per directory. Therefore only two kinds of
// pattern are errors: one for a method that a service of this run does not have, and any other one
// if the file is declared complete. A pattern that is probably a typo is a warning: it names an
// unknown service in a package that this run generates.
func (p *Policies) Unmatched(files []*protogen.File) (problems diag.List) {
	if p.file == nil {
		return nil
	}
	seen := servicesOf(files)
	for _, e := range p.file.entries {
		switch fault := e.pattern.fault(seen); {
		case fault == "":
		case p.file.complete || seen.methods[e.pattern.service] != nil:
			problems.Errorf(e.place, "%s", fault)
		case seen.generates(e.pattern):
			problems.Warnf(e.place, "%s", fault)
		}
	}
	return problems
}

// services holds the services of a run.
type services struct {
	methods  map[string][]string // method names, keyed by the full name of the service
	packages map[string]bool     // the proto packages of the files to generate
}

func servicesOf(files []*protogen.File) services {
	s := services{methods: make(map[string][]string), packages: make(map[string]bool)}
	for _, f := range files {
		if f.Generate {
			s.packages[string(f.Desc.Package())] = true
		}
		for _, service := range f.Services {
			names := []string{}
			for _, m := range service.Methods {
				names = append(names, string(m.Desc.Name()))
			}
			s.methods[string(service.Desc.FullName())] = names
		}
	}
	return s
}

// fault returns why a pattern matches no method, or "" if it matches one.
func (p selector) fault(seen services) string {
	methods, known := seen.methods[p.service]
	switch {
	case p.ofService() && !known:
		return fmt.Sprintf("%s: the protos of this run have no service %s; correct the name", p.text, p.service)
	case p.isExact() && !slices.Contains(methods, p.method):
		return fmt.Sprintf("%s: service %s has no method %s; want one of %s", p.text, p.service, p.method, strings.Join(methods, ", "))
	case p.ofService():
		return ""
	}
	for service := range seen.methods {
		if strings.HasPrefix(service, p.service) {
			return ""
		}
	}
	return fmt.Sprintf("%s: the protos of this run have no service in this package; correct the name", p.text)
}

// generates reports whether the run generates the package of a pattern's service.
func (s services) generates(p selector) bool {
	dot := strings.LastIndex(p.service, ".")
	return p.ofService() && s.packages[p.service[:max(0, dot)]]
}

// Idle returns the patterns that match none of the methods, in file order.
func (f *File) Idle(methods []string) []string {
	idle := []string{}
	if f == nil {
		return idle
	}
	for _, e := range f.entries {
		if !slices.ContainsFunc(methods, func(method string) bool {
			service, name, _ := strings.Cut(method, "/")
			return e.pattern.matches(service, name)
		}) {
			idle = append(idle, e.pattern.text)
		}
	}
	return idle
}

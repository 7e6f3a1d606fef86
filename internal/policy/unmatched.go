package policy

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// Unmatched judges the patterns of the file that match no method in files. A run need not see all protos, as buf makes a run
// for each directory, so that only some of them are wrong: a method that a service here has not, and anything else where the
// file says that it is complete. What is likely to be a slip is a warning.
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

// services are the services of a run.
type services struct {
	methods  map[string][]string // by service
	packages map[string]bool     // of the files to generate
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

// fault says why a pattern matches no method, or "" if it matches one.
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

// Idle returns the patterns that match none of the methods, in the order of the file.
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

package model

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// request indexes the protos of a run. It performs no checks.
type request struct {
	files     map[string]*protogen.File
	packages  map[protogen.GoImportPath]goPackage
	messages  map[protoreflect.FullName]*protogen.Message
	policies  *policy.Policies
	decisions map[protoreflect.FullName]*decided
	patterns  []pattern.Pattern
	sources   []source // ordered by path
}

// decided is the decision for an RPC, and the problems in its policy.
type decided struct {
	policy.Decision
	problems diag.List
}

func newRequest(plugin *protogen.Plugin, opts Options) *request {
	r := &request{
		files: plugin.FilesByPath, packages: packagesOf(plugin.Files), messages: messagesOf(plugin.Files), patterns: opts.Patterns,
		policies: policy.New(plugin.Files, opts.PolicyFile, opts.Patterns, opts.Explains), decisions: make(map[protoreflect.FullName]*decided),
	}
	r.sources = sourcesOf(plugin, opts, r.policies)
	return r
}

// decisionOf returns the decision for an RPC. It computes each decision once.
func (r *request) decisionOf(m protoreflect.MethodDescriptor) (policy.Decision, diag.List) {
	name := m.FullName()
	d := r.decisions[name]
	if d == nil {
		d = &decided{}
		d.Decision, d.problems = r.policies.Method(m)
		r.decisions[name] = d
	}
	return d.Decision, d.problems
}

// ident returns an identifier with the name of its package.
func (r *request) ident(id protogen.GoIdent) golang.Ident {
	return golang.Ident{Name: id.GoName, Package: r.packages[id.GoImportPath].name, Path: string(id.GoImportPath)}
}

// field returns the protogen field for a descriptor.
func (r *request) field(desc protoreflect.FieldDescriptor) *protogen.Field {
	return r.messages[desc.ContainingMessage().FullName()].Fields[desc.Index()]
}

// goPackage is a Go package of messages: all proto files with one import path.
type goPackage struct {
	name       string
	deprecated bool   // set if any file is; Go tools then treat the package as deprecated
	first      string // the path of its first file
}

// packagesOf returns the Go packages of the files.
func packagesOf(files []*protogen.File) map[protogen.GoImportPath]goPackage {
	packages := make(map[protogen.GoImportPath]goPackage)
	for _, f := range files {
		p, found := packages[f.GoImportPath]
		if !found || f.Desc.Path() < p.first {
			p.first = f.Desc.Path()
		}
		p.name = string(f.GoPackageName)
		p.deprecated = p.deprecated || isDeprecated(f.Desc, "")
		packages[f.GoImportPath] = p
	}
	return packages
}

// messagesOf returns all messages of a run, keyed by full name.
func messagesOf(files []*protogen.File) map[protoreflect.FullName]*protogen.Message {
	all := make(map[protoreflect.FullName]*protogen.Message)
	var add func([]*protogen.Message)
	add = func(messages []*protogen.Message) {
		for _, m := range messages {
			all[m.Desc.FullName()] = m
			add(m.Messages)
		}
	}
	for _, f := range files {
		add(f.Messages)
	}
	return all
}

// namesDeprecated reports whether the code for s refers to a deprecated message or imports a
// deprecated package.
func (r *request) namesDeprecated(s source) bool {
	if r.packages[s.GoImportPath].deprecated {
		return true
	}
	for _, svc := range s.Services {
		for _, m := range svc.Methods {
			if r.isDeprecatedMessage(m.Input) || r.isDeprecatedMessage(m.Output) {
				return true
			}
		}
	}
	return false
}

func (r *request) isDeprecatedMessage(m *protogen.Message) bool {
	return r.packages[m.GoIdent.GoImportPath].deprecated || isDeprecated(m.Desc, string(m.Comments.Leading))
}

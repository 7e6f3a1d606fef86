package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/lazyregexp"
	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// Implementation is the starter code that implements a service in one of the user's packages.
type Implementation struct {
	Service
	ProtoPackage string
	Messages     string // the import path of the messages that the proto file declares
	Type         string // the name of the struct
	Constructor  string
	File         string // the name of the file
	Test         Output // the package with its test helpers
}

// Implementations returns the implementations of the services of files in one package, in order.
// Services with the same name, such as two versions of one service, get types with different names.
func Implementations(files []File) []Implementation {
	names := typeNames{taken: make(map[string]string)}
	var all []Implementation
	for _, file := range files {
		for _, svc := range file.Services {
			typ := names.of(svc)
			i := Implementation{
				Service: svc, ProtoPackage: protoPackage(svc), Messages: file.Descriptor.Path,
				Type: typ, Constructor: constructorOf(typ), File: SnakeCase(typ) + ".go", Test: file.Test,
			}
			i.nameDependencies()
			all = append(all, i)
		}
	}
	return all
}

// Operations returns the RPCs that start operations.
func (i Implementation) Operations() []MethodStub {
	return slices.DeleteFunc(i.Stubs(), func(m MethodStub) bool { return m.Helper == nil || m.Helper.Work == "" })
}

// ConstructorDoc returns the lines of the constructor's doc comment.
func (i Implementation) ConstructorDoc() []string {
	var with []string
	for _, d := range i.Dependencies() {
		if !slices.Contains(with, d.Doc) {
			with = append(with, d.Doc)
		}
	}
	text := fmt.Sprintf("%s returns %s %s %s", i.Constructor, article(i.Type), i.Type, shape.Join(with))
	return wrap(strings.TrimSpace(text) + ".")
}

// Example returns the RPC that shows how to write a test, or nil. It is a unary RPC that is not
// deprecated and whose helper, if any, does not need a request.
func (i Implementation) Example() *MethodStub {
	for _, m := range i.Stubs() {
		if m.Kind == Unary && m.Deprecated == "" && (m.Helper == nil || !m.Helper.Needs.Request) {
			return &m
		}
	}
	return nil
}

// protoPackage returns the proto package of a service, or "" if it has none.
func protoPackage(svc Service) string {
	return strings.TrimSuffix(strings.TrimSuffix(svc.FullName, svc.Name), ".")
}

func constructorOf(typ string) string { return "New" + typ }

// typeNames assigns type names to services.
type typeNames struct {
	// taken holds the proto package of the service that uses a name, keyed by the names of types
	// and constructors.
	taken map[string]string
}

// of returns the first type name for a service that is free, together with the name of its
// constructor. The candidates are the name of the service; that name followed by the version of its
// package, if only the version differs; and that name preceded by the name of its package. After
// these, of tries numbered names.
func (n typeNames) of(svc Service) string {
	pkg := protoPackage(svc)
	stem, version := splitVersion(pkg)
	plain := svc.Interface.Name
	candidates := []string{plain}
	if other, found := n.taken[plain]; found && version != "" {
		if otherStem, _ := splitVersion(other); otherStem == stem {
			candidates = append(candidates, plain+strings.ToUpper(version[:1])+version[1:])
		}
	}
	if last := stem[strings.LastIndex(stem, ".")+1:]; last != "" {
		candidates = append(candidates, capitalized(last)+plain)
	}
	for i := 2; ; i++ {
		for _, name := range candidates {
			if n.take(name, pkg) {
				return name
			}
		}
		candidates = []string{fmt.Sprintf("%s%d", plain, i)}
	}
}

func (n typeNames) take(name, pkg string) bool {
	for _, declared := range []string{name, constructorOf(name)} {
		if _, found := n.taken[declared]; found {
			return false
		}
	}
	n.taken[name], n.taken[constructorOf(name)] = pkg, pkg
	return true
}

var versionPattern = lazyregexp.New(`^v[0-9]+((alpha|beta)[0-9]*)?$`)

// splitVersion splits a proto package into stem and version: shop.v1 into shop and v1. The version
// is "" if the package has none.
func splitVersion(pkg string) (stem, version string) {
	dot := strings.LastIndex(pkg, ".")
	if last := pkg[dot+1:]; versionPattern.MatchString(last) {
		return strings.TrimSuffix(pkg[:dot+1], "."), last
	}
	return pkg, ""
}

// PackageDoc returns the lines of the doc comment of a package that implements services.
func PackageDoc(name string, all []Implementation) []string {
	var packages []string
	for _, i := range all {
		if i.ProtoPackage != "" && !slices.Contains(packages, i.ProtoPackage) {
			packages = append(packages, i.ProtoPackage)
		}
	}
	of := ""
	if len(packages) > 0 {
		of = " of " + shape.Join(packages)
	}
	return wrap("Package " + name + " implements the services" + of + ".")
}

// Stubs returns the methods of an implementation in the form that templates use.
func (i Implementation) Stubs() []MethodStub {
	stubs := make([]MethodStub, 0, len(i.Methods))
	for _, m := range i.Methods {
		stubs = append(stubs, MethodStub{Method: m, Of: i})
	}
	return stubs
}

// MethodStub is the starter code of a method of an implementation.
type MethodStub struct {
	Method
	Of Implementation
}

// Dependencies returns the dependencies of the helpers of the service's RPCs.
func (i Implementation) Dependencies() (all Dependencies) {
	for _, m := range i.Methods {
		if m.Helper != nil && m.Helper.Dependency != nil {
			all = all.with(*m.Helper.Dependency)
		}
	}
	return all
}

// nameDependencies gives each dependency a unique name in the implementation.
func (i *Implementation) nameDependencies() {
	all := i.Dependencies()
	i.Methods = slices.Clone(i.Methods)
	for n := range i.Methods {
		m := &i.Methods[n]
		if m.Helper == nil || m.Helper.Dependency == nil {
			continue
		}
		d, _ := all.Of(m.Helper.Dependency.GoType())
		helper := *m.Helper
		helper.Dependency = &d
		m.Helper = &helper
	}
}

// Offered returns the values that a program can pass to constructors, with their names in the
// program: those that the services need, and those without type arguments, which the user's
// constructors may take as well.
func Offered(services []Implementation, patterns []pattern.Pattern) (all Dependencies) {
	for _, i := range services {
		for _, d := range i.Dependencies() {
			all = all.with(d)
		}
	}
	for _, p := range patterns {
		if d := p.Needs.Dependency; d != nil {
			all = all.with(Dependency{Dependency: *d})
		}
	}
	return all
}

package model

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// Implementation is what implements a service in a package of the user, as it is first written.
type Implementation struct {
	Service
	ProtoPackage string
	Messages     string // the import path of the messages that the proto file declares
	Type         string // the name of the struct
	Constructor  string
	File         string // the name of the file
	Test         Output // the package that helps to test it
}

// Implementations returns the implementations of the services of some files in one package, in their order. Services of the same
// name, such as those of two versions, get types of different names.
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

// Operations are the RPCs that start operations.
func (i Implementation) Operations() []MethodStub {
	return slices.DeleteFunc(i.Stubs(), func(m MethodStub) bool { return m.Helper == nil || m.Helper.Work == "" })
}

// ConstructorDoc returns the comment of the constructor.
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

// Example returns the RPC that shows how to write a test: a plain unary one, or nil.
func (i Implementation) Example() *MethodStub {
	for _, m := range i.Stubs() {
		if m.Kind == Unary && m.Deprecated == "" && (m.Helper == nil || !m.Helper.Needs.Request) {
			return &m
		}
	}
	return nil
}

// protoPackage returns the package of a service, or "" where it has none.
func protoPackage(svc Service) string {
	return strings.TrimSuffix(strings.TrimSuffix(svc.FullName, svc.Name), ".")
}

func constructorOf(typ string) string { return "New" + typ }

// typeNames gives services the names of their types.
type typeNames struct {
	taken map[string]string // the proto package of the service that has a name, for types and constructors
}

// of returns the first name for the type of a service that is free, as is that of its constructor: the service's, with the version of
// its package if only that differs, or with the name of its package before it.
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

var versionPattern = regexp.MustCompile(`^v[0-9]+((alpha|beta)[0-9]*)?$`)

// splitVersion splits the version from the name of a proto package: shop.v1 is shop and v1.
func splitVersion(pkg string) (stem, version string) {
	dot := strings.LastIndex(pkg, ".")
	if last := pkg[dot+1:]; versionPattern.MatchString(last) {
		return strings.TrimSuffix(pkg[:dot+1], "."), last
	}
	return pkg, ""
}

// PackageDoc returns the comment of a package that implements services.
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

// Stubs returns the methods of an implementation, each as a template sees it.
func (i Implementation) Stubs() []MethodStub {
	stubs := make([]MethodStub, 0, len(i.Methods))
	for _, m := range i.Methods {
		stubs = append(stubs, MethodStub{Method: m, Of: i})
	}
	return stubs
}

// MethodStub is a method of an implementation, as it is first written.
type MethodStub struct {
	Method
	Of Implementation
}

// Dependencies returns what the helpers of the service's RPCs take.
func (i Implementation) Dependencies() (all Dependencies) {
	for _, m := range i.Methods {
		if m.Helper != nil && m.Helper.Dependency != nil {
			all = all.with(*m.Helper.Dependency)
		}
	}
	return all
}

// nameDependencies gives each dependency a name of its own in the implementation.
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

// Offered returns what a program can make constructors with, each with its name in the program:
// what the services need, and what is not generic, which users' constructors may take as well.
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

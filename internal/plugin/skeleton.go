package plugin

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/grpcservice/grpcservice/internal/gen"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/skeleton"
	"github.com/grpcservice/grpcservice/internal/workspace"
)

// addSkeleton adds the user-owned Go files that are new or must change.
func (o *output) addSkeleton(env Env, files []model.File, templates *gen.Templates, params parameters) {
	u := &userCode{
		Workspace: workspace.Workspace{Tree: env.Tree, Dir: env.Dir}, templates: templates,
		services: model.Implementations(files), files: make(map[string][]byte),
		servesHTTP: params.deploy.webPort != 0,
	}
	if len(u.services) == 0 {
		return // nothing to implement
	}
	u.generate(params)
	o.problems.Add(u.problems...)
	for _, name := range slices.Sorted(maps.Keys(u.files)) {
		o.add(name, u.files[name], nil)
	}
}

func (u *userCode) generate(params parameters) {
	f, err := u.Directory(params.skeletonDir)
	if err != nil {
		u.problems.Fail(fmt.Errorf("parameter skeleton_dir=%q: %w", params.skeletonDir, err))
		return
	}
	if generated := u.generated(f.ImportPath); generated != "" {
		u.problems.Fail(fmt.Errorf("parameter skeleton_dir=%q: this directory has the generated code of %s; choose a separate one for your own package", params.skeletonDir, generated))
		return
	}
	if pkg := u.forbidden(f.ImportPath); pkg != "" {
		u.problems.Fail(fmt.Errorf("parameter skeleton_dir=%q: the package %s cannot import %s, which is internal; choose a directory that can",
			params.skeletonDir, f.ImportPath, pkg))
		return
	}
	have, err := u.Files(f.Path, ".go")
	if err != nil {
		u.problems.Fail(fmt.Errorf("parameter skeleton_dir=%q: %w", params.skeletonDir, err))
		return
	}
	u.merge(f, have)
	if params.app != "" {
		u.addApp(params.app, f, have)
	}
}

// merge adds the declarations that the package in a directory lacks.
func (u *userCode) merge(f workspace.Directory, have map[string][]byte) {
	name := golang.PackageName(f.ImportPath)
	result := skeleton.Merge(skeleton.Package{
		Dir: f.Path, Name: name, ImportPath: f.ImportPath, Doc: model.PackageDoc(name, u.services), Files: have,
	}, u.wanted(), func(importPath string) (map[string][]byte, bool) { return u.PackageFiles(f, importPath) })
	u.problems.Add(result.Problems...)
	for _, name := range slices.Sorted(maps.Keys(result.Files)) {
		if err := u.CheckWrite(f, name); err != nil {
			u.problems.Fail(err)
		}
		u.files[path.Join(f.Path, name)] = result.Files[name]
	}
}

// wanted returns the services that the user's package must implement.
func (u *userCode) wanted() (services []skeleton.Service) {
	for _, i := range u.services {
		svc := skeleton.Service{
			Name: i.FullName, Type: i.Type, Interface: i.Interface, File: i.File, Packages: []string{i.Messages},
			Decls: u.decls(i), Tests: u.tests(i),
		}
		for _, m := range i.Stubs() {
			svc.Methods = append(svc.Methods, u.method(m))
		}
		services = append(services, svc)
	}
	return services
}

// decls returns the declarations of a new file.
func (u *userCode) decls(i model.Implementation) []skeleton.Decl {
	decls := []skeleton.Decl{
		{Name: i.Type, Render: u.piece("type", i)},
		{Render: u.piece("assertion", i)},
		{Name: i.Constructor, Render: u.piece("constructor", i)},
	}
	for _, m := range i.Operations() {
		decls = append(decls, skeleton.Decl{Name: i.Type + "." + m.Helper.Work, Render: func(f golang.Frame) (string, error) {
			return u.templates.Work(m, f)
		}})
	}
	return decls
}

// tests returns the tests of a new type.
func (u *userCode) tests(i model.Implementation) []skeleton.Decl {
	tests := []skeleton.Decl{{Name: "Test" + i.Type, Render: u.piece("test", i)}}
	if m := i.Example(); m != nil && !u.hasType(i.Type+m.GoName) {
		tests = append(tests, skeleton.Decl{Name: "Test" + i.Type + m.GoName, Render: func(f golang.Frame) (string, error) {
			return u.templates.Example(*m, f)
		}})
	}
	return tests
}

// hasType reports whether a service is implemented by a type with the given name. A method's test
// would then have the same name as the test of that type.
func (u *userCode) hasType(name string) bool {
	return slices.ContainsFunc(u.services, func(i model.Implementation) bool { return i.Type == name })
}

func (u *userCode) method(m model.MethodStub) skeleton.Method {
	method := skeleton.Method{
		Name: m.GoName, Input: m.Input, Output: m.Output,
		StreamsRequests: m.Kind.StreamsRequests(), StreamsResponses: m.Kind.StreamsResponses(),
		Render: func(f golang.Frame) (string, error) { return u.templates.Method(m, f) },
	}
	if m.Helper != nil {
		method.Proto, method.Advice = m.Helper.Doubt.At, m.Helper.Doubt.Text
	}
	return method
}

func (u *userCode) piece(name string, i model.Implementation) func(golang.Frame) (string, error) {
	return func(f golang.Frame) (string, error) { return u.templates.Implementation(name, i, f) }
}

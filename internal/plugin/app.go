package plugin

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern/table"
	"github.com/grpcservice/grpcservice/internal/skeleton"
	"github.com/grpcservice/grpcservice/internal/workspace"
)

// The files of a new program. Later runs write neither.
const (
	appFile       = "main.go"
	telemetryFile = "telemetry.go"
)

// addApp adds a program that serves the services. If there is a program already, it warns about the
// services that the program does not serve.
func (u *userCode) addApp(at string, impl workspace.Directory, have map[string][]byte) {
	f, err := u.Directory(at)
	if err == nil && f.Module != impl.Module {
		err = fmt.Errorf("it is in module %s, and the services are implemented in module %s; put both in one module", f.Module, impl.Module)
	}
	if err == nil && f.ImportPath == impl.ImportPath {
		err = fmt.Errorf("it is the directory of skeleton_dir; choose a separate one, for package main")
	}
	if err == nil && (u.forbidden(f.ImportPath) != "" || !golang.MayImport(f.ImportPath, impl.ImportPath)) {
		err = fmt.Errorf("its package cannot import %s, which is internal; choose a directory that can", cmp.Or(u.forbidden(f.ImportPath), impl.ImportPath))
	}
	var there map[string][]byte
	if err == nil {
		there, err = u.Files(at, ".go")
	}
	if err != nil {
		u.problems.Fail(fmt.Errorf("parameter app=%q: %w", at, err))
		return
	}
	if skeleton.HasFiles(there) {
		u.warnUnserved(u.code(f, there))
		return
	}
	code := u.code(impl, u.after(impl, have))
	if code.IsBroken() {
		return // a warning already names the file that does not parse
	}
	app := u.app(at, impl, code)
	u.addProgramFile(f, appFile, app, u.templates.App)
	u.addProgramFile(f, telemetryFile, app, u.templates.Telemetry)
}

// addProgramFile adds a file of a new program.
func (u *userCode) addProgramFile(dir workspace.Directory, name string, app model.App, render func(model.App) ([]byte, error)) {
	content, err := render(app)
	if err == nil {
		err = u.CheckWrite(dir, name)
	}
	if err != nil {
		u.problems.Fail(err)
		return
	}
	u.files[path.Join(dir.Path, name)] = content
}

// after returns the files of a directory with the changes of this run.
func (u *userCode) after(dir workspace.Directory, have map[string][]byte) map[string][]byte {
	files := maps.Clone(have)
	for name, content := range u.files {
		if path.Dir(name) == dir.Path {
			files[path.Base(name)] = content
		}
	}
	return files
}

// code reads the package in a directory.
func (u *userCode) code(dir workspace.Directory, files map[string][]byte) skeleton.Code {
	names := make(map[string]string)
	for _, i := range u.services {
		names[i.Register.Path] = i.Register.Package
	}
	return skeleton.Read(skeleton.Package{
		Dir: dir.Path, Name: golang.PackageName(dir.ImportPath), ImportPath: dir.ImportPath, Files: files,
	}, names)
}

// app returns the model of the program that serves the services in the package impl.
func (u *userCode) app(at string, impl workspace.Directory, code skeleton.Code) model.App {
	pkg := golang.Ident{Package: code.Name(), Path: impl.ImportPath}
	app := model.App{Command: path.Base(at), Package: pkg, ServesHTTP: u.servesHTTP}
	offered := model.Offered(u.services, table.Patterns())
	types := make([]golang.Type, len(offered))
	for i, d := range offered {
		types[i] = d.GoType()
	}
	for _, i := range u.services {
		constructor := pkg
		constructor.Name = i.Constructor
		arguments, ok := code.Takes(i.Constructor, types)
		svc := model.AppService{Implementation: i, New: constructor, CanMake: ok}
		for _, n := range arguments {
			svc.Arguments = append(svc.Arguments, offered[n])
		}
		app.Services = append(app.Services, svc)
	}
	return app
}

// warnUnserved warns about the services that a program does not serve, at its last use of the
// others. It does not warn if the program serves none of them.
func (u *userCode) warnUnserved(program skeleton.Code) {
	var last diag.Position
	var unserved []model.Implementation
	for _, i := range u.services {
		uses := program.Uses(i.Register)
		if len(uses) == 0 {
			unserved = append(unserved, i)
		}
		last = slices.MaxFunc(append(uses, last), diag.Position.Compare)
	}
	if last == (diag.Position{}) {
		return
	}
	for _, i := range unserved {
		u.problems.Warnf(last, "%s is not served here; add %s.%s(…), and import %s",
			i.FullName, i.Register.Package, i.Register.Name, i.Register.Path)
	}
}

package gen

import (
	"fmt"
	"maps"
	"slices"
	"text/template"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
)

// appNames lists the identifiers that main.go declares besides its dependencies. Each would shadow
// an import of the same name.
var appNames = []string{
	"main", "run", "ctx", "getenv", "level", "err", "logger", "drainDelay", "shutdownTimeout",
	"options", "text", "keys", "srv", "telemetry",
}

// telemetryNames lists the identifiers that telemetry.go declares, and those of main.go at package
// level.
var telemetryNames = []string{
	"main", "run", "telemetry", "getenv", "logger", "traces", "spans", "metrics", "page",
}

// App returns the content of a program's main.go.
func (t *Templates) App(app model.App) ([]byte, error) {
	return t.format("main.go", func(t *Templates) ([]byte, error) {
		imports := newAppImports(app)
		data, program := view.OfApp(app), t.executor(appFunctions(imports))
		body, err := program.execute("app.go.tmpl", data)
		if err != nil {
			return nil, err
		}
		head, err := program.execute("app_header.go.tmpl", view.AppHeader{App: data, Imports: imports.groups()})
		return append(head, body...), err
	})
}

// Telemetry returns the content of a program's telemetry.go.
func (t *Templates) Telemetry(app model.App) ([]byte, error) {
	return t.format("telemetry.go", func(t *Templates) ([]byte, error) {
		imports := newImports(model.Output{Declares: slices.Sorted(slices.Values(telemetryNames))})
		data, program := view.OfApp(app), t.executor(appFunctions(imports))
		body, err := program.execute("telemetry.go.tmpl", data)
		if err != nil {
			return nil, err
		}
		head, err := program.execute("telemetry_header.go.tmpl", view.AppHeader{App: data, Imports: imports.groups()})
		return append(head, body...), err
	})
}

// newAppImports returns the import table of main.go. The user's package may keep a name that is in
// locals.
func newAppImports(app model.App) *imports {
	declared := slices.Clone(appNames)
	for _, d := range app.Dependencies() {
		declared = append(declared, d.Name)
	}
	slices.Sort(declared)
	t := newImports(model.Output{Declares: declared}, app.Package)
	if name := app.Package.Package; name != t.names[app.Package.Path] &&
		slices.Contains(locals, name) && !slices.Contains(declared, name) {
		t.taken[name], t.names[app.Package.Path] = true, name // main.go declares no name in locals
	}
	return t
}

// appFunctions returns the functions that the templates of main.go can call.
func appFunctions(imports *imports) template.FuncMap {
	all := functions(imports)
	maps.Copy(all, textFunctions(imports.ident))
	return all
}

// textFunctions returns the functions that all templates of user-owned files can call. The function
// ident spells identifiers.
func textFunctions(ident func(golang.Ident) string) template.FuncMap {
	of := func(p goPackage) func(string) string {
		return func(name string) string { return ident(golang.Ident{Name: name, Package: p.name, Path: p.path}) }
	}
	from := func(pkg, name string) (string, error) {
		for _, p := range slices.Concat(standardPackages, ownPackages, patternPackages(), userStandardPackages, userPackages) {
			if p.name == pkg {
				return of(p)(name), nil
			}
		}
		return "", fmt.Errorf("the template uses the package %q, which does not exist", pkg)
	}
	return template.FuncMap{
		"ident": ident, "quote": quote, "context": of(contextPackage), "runtime": of(runtimePackage), "server": of(serverPackage), "slog": of(slogPackage),
		"helper": from, "from": from,
	}
}

package model

import (
	"path"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// checkModule reports a file whose messages are in a Go package of another module, where the code for its services would go: nothing
// can be written there, and an import of it cannot be resolved.
func (c *checker) checkModule(s source, opts Options) {
	m, messages := opts.Modules, string(s.GoImportPath)
	if m == nil || opts.ImportPath != "" || len(s.Services) == 0 || slices.ContainsFunc(m.Own, contains(messages)) {
		return
	}
	if golang.ImportPathFault(messages) != "" {
		return // it is of no module, which is an error already
	}
	const format = "its messages are in the Go package %q, and so its services would be in %q, which is not in the module %s; " +
		"set the parameter import_path=<the import path of the plugin's out directory>, such as %s"
	report := c.problems.Warnf // it may be generated for another repository
	if slices.ContainsFunc(m.Required, contains(messages)) {
		report = c.problems.Errorf
	}
	report(goPackagePosition(s.Proto), format, messages, s.service.Path, m.Near, path.Join(m.Near, "gen"))
}

// contains returns a function that reports whether a module has a Go package.
func contains(importPath string) func(module string) bool {
	return func(module string) bool {
		return module != "" && (importPath == module || strings.HasPrefix(importPath, module+"/"))
	}
}

package model

import (
	"path"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// checkModule reports a file whose messages are in a Go package of another module. The code for its
// services would go there too: it cannot be written there, and imports of it would not resolve.
func (c *checker) checkModule(s source, opts Options) {
	m, messages := opts.Modules, string(s.GoImportPath)
	if m == nil || opts.ImportPath != "" || len(s.Services) == 0 || slices.ContainsFunc(m.Own, contains(messages)) {
		return
	}
	if golang.ImportPathFault(messages) != "" {
		return // no module can contain it; checkSource reports the error
	}
	const format = "its messages are in the Go package %q, and so its services would be in %q, which is not in the module %s; " +
		"set the parameter import_path=<the import path of the plugin's out directory>, such as %s"
	report := c.problems.Warnf // the code may be generated for another repository
	if slices.ContainsFunc(m.Required, contains(messages)) {
		report = c.problems.Errorf
	}
	report(goPackagePosition(s.Proto), format, messages, s.service.Path, m.Near, path.Join(m.Near, "gen"))
}

// contains returns a function that reports whether a module contains a Go package.
func contains(importPath string) func(module string) bool {
	return func(module string) bool {
		return module != "" && (importPath == module || strings.HasPrefix(importPath, module+"/"))
	}
}

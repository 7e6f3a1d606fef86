package plugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// parameters are the plugin's own, and those of protogen that it has to know.
type parameters struct {
	packageSuffix string
	emit          []string // what to generate
	policy        string   // the path of the policy file, or ""
	report        string   // the path of the report, or ""
	strict        bool     // whether what deserves a warning is an error
	templates     string   // the path of a directory of templates, or ""
	skeletonDir   string   // the directory of the package that implements the services, or ""
	app           string   // the directory of the program that serves them, or ""
	deploy        deployParameters
	importPath    string // of the output directory, or ""
	module        string
	mappings      map[string]string // the M parameters by proto file
}

// deployParameters are those of emit=deploy.
type deployParameters struct {
	dir   string // the directory that the files are in
	name  string
	image string
	port  int
	parts []string // or none for all
}

// judge returns the problems as the parameter strict wants them: with strict, warnings are errors.
func (p *parameters) judge(problems diag.List) diag.List {
	if p.strict {
		return problems.Strict()
	}
	return problems
}

// place returns the path of an output file as the module parameter wants it. With an import path, files have their places by those of
// the protos already.
func (p *parameters) place(file string) (string, error) {
	if p.module == "" || p.importPath != "" {
		return file, nil
	}
	short, found := strings.CutPrefix(file, p.module+"/")
	if !found {
		return "", fmt.Errorf("parameter module=%q: the output file %q is not below it; correct it or the go_package", p.module, file)
	}
	return short, nil
}

// emits reports whether any of some emitters is on.
func (p *parameters) emits(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(p.emit, name) })
}

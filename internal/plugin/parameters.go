package plugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// parameters holds the plugin's own parameters and the protogen parameters that it needs.
type parameters struct {
	packageSuffix string
	emit          []string // what to generate
	policy        string   // the path of the policy file, or ""
	report        string   // the path of the report, or ""
	strict        bool     // whether warnings are errors
	templates     string   // the path of a directory of templates, or ""
	skeletonDir   string   // the directory of the package that implements the services, or ""
	app           string   // the directory of the program that serves them, or ""
	deploy        deployParameters
	importPath    string // the import path of the output directory, or ""
	module        string
	mappings      map[string]string // the M parameters, by proto file
}

// deployParameters holds the parameters of emit=deploy.
type deployParameters struct {
	dir   string // the directory of the files
	name  string
	image string
	port  int
	parts []string // empty means all
	tls   string   // the Secret with the certificate, or ""
	slo   float64  // the percentage of calls that succeed, or 0 for the default

	callers        []string // empty means all
	endpointSlices []string // the namespaces whose pods the program follows
	namespace      string   // its own one, or ""
	gateway        string   // the Gateway of calls from outside, or ""
	hostnames      []string // the host names of these calls
	webPort        int      // the port of HTTP, 0 if there is none
	webHostnames   []string // the host names of HTTP requests from outside the cluster
}

// judge returns the problems, with warnings turned into errors if strict is set.
func (p *parameters) judge(problems diag.List) diag.List {
	if p.strict {
		return problems.Strict()
	}
	return problems
}

// place returns the path of an output file after applying the module parameter. With an import
// path, the paths already follow those of the protos.
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

// emits reports whether any of the named emitters is on.
func (p *parameters) emits(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(p.emit, name) })
}

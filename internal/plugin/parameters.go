package plugin

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// parameters are the plugin's own, and those of protogen that it has to know.
type parameters struct {
	packageSuffix string
	emit          emit
	policy        string // the path of the policy file, or nothing
	report        string // the path of the report, or nothing
	strict        bool   // whether what deserves a warning is an error
	module        string
	mappings      map[string]string // the M parameters by proto file
}

// emit says which packages to generate.
type emit struct{ service, test bool }

// rule says what the value of a parameter must be.
type rule struct {
	valid *regexp.Regexp
	want  string
}

// rules are the rules by parameter. The two that end in M go on with the path of a proto file.
var rules = map[string]rule{
	"package_suffix":    {regexp.MustCompile(`^[a-z][a-z0-9]*$`), "lower-case letters and digits that begin with a letter"},
	"emit":              {regexp.MustCompile(`^(service|test)(;(service|test))*$`), `"service", "test", or both with a ";" between them`},
	"policy":            {regexp.MustCompile(`^.+$`), "the path of a policy file, from the folder in which buf or protoc runs"},
	"report":            {regexp.MustCompile(`^([^./\\\s][^/\\]*/)*[^./\\\s][^/\\]*\.json$`), "the path of a .json file below the output folder"},
	"strict":            {regexp.MustCompile(`^(true|false|)$`), `"true" or "false", or no value, which is "true"`},
	"paths":             {regexp.MustCompile(`^(import|source_relative)$`), `"import" or "source_relative"`},
	"module":            {regexp.MustCompile(`^.+$`), "the import path that output paths shall not begin with"},
	"annotate_code":     {regexp.MustCompile(`^(true|false|)$`), `"true" or "false"`},
	"default_api_level": {regexp.MustCompile(`^API_(OPEN|HYBRID|OPAQUE)$`), `"API_OPEN", "API_HYBRID" or "API_OPAQUE"`},
	"apilevelM":         {regexp.MustCompile(`^API_(OPEN|HYBRID|OPAQUE)$`), `"API_OPEN", "API_HYBRID" or "API_OPAQUE"`},
	"M":                 {regexp.MustCompile(`^.+$`), "a Go import path"},
}

const knownParameters = "package_suffix, emit, policy, report, strict, and protoc-gen-go's paths, module, M<file>, annotate_code, default_api_level and apilevelM<file>"

// parseParameters reads the parameter of a request; its error joins everything that is wrong.
func parseParameters(text string) (parameters, error) {
	params := parameters{packageSuffix: "service", mappings: make(map[string]string)}
	values := make(map[string]string)
	var errs []error
	for param := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(param, "=")
		if name == "" {
			continue // as protogen does
		}
		previous, again := values[name]
		values[name] = value
		if err := checkParameter(name, value); err != nil {
			errs = append(errs, err)
		} else if again && isDuplicate(name, previous, value) {
			errs = append(errs, fmt.Errorf("parameter %s=%q: it is %q already; want it once", name, value, previous))
		} else {
			params.set(name, value)
		}
	}
	if values["paths"] == "source_relative" && params.module != "" {
		errs = append(errs, fmt.Errorf("parameter module=%q: it shortens the paths that paths=import makes; want one of module and paths=source_relative", params.module))
	}
	if params.emit == (emit{}) {
		params.emit = emit{service: true, test: true}
	}
	return params, errors.Join(errs...)
}

// checkParameter says what is wrong with a parameter by itself.
func checkParameter(name, value string) error {
	rule, found := rules[ruleName(name)]
	switch {
	case !found && value == "":
		return fmt.Errorf("parameter %q: there is none of this name (a list has \";\" between its words); want %s", name, knownParameters)
	case !found:
		return fmt.Errorf("parameter %q with value %q: there is none of this name; want %s", name, value, knownParameters)
	case !rule.valid.MatchString(value):
		return fmt.Errorf("parameter %s=%q: want %s", name, value, rule.want)
	default:
		return nil
	}
}

// ruleName returns the name that a parameter's rule has.
func ruleName(name string) string {
	for _, prefix := range []string{"M", "apilevelM"} {
		if len(name) > len(prefix) && strings.HasPrefix(name, prefix) {
			return prefix
		}
	}
	return name
}

// isDuplicate says whether a parameter must not be given a second time: a list grows, and a file may be mapped again to what it
// is mapped to.
func isDuplicate(name, previous, value string) bool {
	return name != "emit" && (ruleName(name) == name || previous != value)
}

// set notes the value of a parameter, which is valid.
func (p *parameters) set(name, value string) {
	if ruleName(name) == "M" {
		p.mappings[strings.TrimPrefix(name, "M")] = value
	}
	switch name {
	case "package_suffix":
		p.packageSuffix = value
	case "policy":
		p.policy = value
	case "report":
		p.report = value
	case "strict":
		p.strict = value != "false"
	case "module":
		p.module = value
	case "emit":
		for word := range strings.SplitSeq(value, ";") {
			p.emit.service = p.emit.service || word == "service"
			p.emit.test = p.emit.test || word == "test"
		}
	}
}

// place returns the path of an output file as the module parameter wants it.
func (p *parameters) place(file string) (string, error) {
	if p.module == "" {
		return file, nil
	}
	short, found := strings.CutPrefix(file, p.module+"/")
	if !found {
		return "", fmt.Errorf("parameter module=%q: the output file %q is not below it; correct it, or the go_package", p.module, file)
	}
	return short, nil
}

package plugin

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// parameters are the plugin's own, and those of protogen that it has to know.
type parameters struct {
	packageSuffix string
	emit          emit
	policy        string // the path of the policy file, or nothing
	report        string // the path of the report, or nothing
	strict        bool   // whether what deserves a warning is an error
	templates     string // the path of a folder of templates, or nothing
	skeletonDir   string // the folder of the package that implements the services, or nothing
	app           string // the folder of the program that serves them, or nothing
	deploy        deployParameters
	importPath    string // of the output folder, or nothing
	module        string
	mappings      map[string]string // the M parameters by proto file
}

// emit says what to generate.
type emit struct{ service, test, skeleton, deploy bool }

// rule says what the value of a parameter must be.
type rule struct {
	valid *regexp.Regexp
	want  string
}

// rules are the rules by parameter. The two that end in M go on with the path of a proto file.
var rules = map[string]rule{
	"package_suffix":    {regexp.MustCompile(`^[a-z][a-z0-9]*$`), "lower-case letters and digits that begin with a letter"},
	"emit":              {regexp.MustCompile(`^(service|test|skeleton|deploy)(;(service|test|skeleton|deploy))*$`), `"service", "test", "skeleton" or "deploy", or several with a ";" between them`},
	"import_path":       {regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~+-]*(/[A-Za-z0-9_][A-Za-z0-9._~+-]*)*$`), "the import path of the output folder, such as example.com/you/gen"},
	"policy":            {regexp.MustCompile(`^.+$`), "the path of a policy file, from the folder in which buf or protoc runs"},
	"report":            {regexp.MustCompile(`^([^./\\\s][^/\\]*/)*[^./\\\s][^/\\]*\.json$`), "the path of a .json file below the output folder"},
	"strict":            {regexp.MustCompile(`^(true|false|)$`), `"true" or "false", or no value, which is "true"`},
	"templates":         {folderPath, "the path of a folder of templates below that in which buf or protoc runs, with slashes"},
	"skeleton_dir":      {goFolder, "a folder of your module that is no other's, such as internal/service: below that in which buf or protoc runs, with slashes"},
	"app":               {goFolder, "the folder of a program, such as cmd/server: below that in which buf or protoc runs, with slashes"},
	"deploy_dir":        {goFolder, "a folder of your module, such as deploy: below that in which buf or protoc runs, with slashes"},
	"deploy_parts":      {regexp.MustCompile(`^(docker|kubernetes|istio|client)(;(docker|kubernetes|istio|client))*$`), `"docker", "kubernetes", "istio" or "client", or several with a ";" between them`},
	"app_name":          {regexp.MustCompile(`^[a-z]([-a-z0-9]{0,51}[a-z0-9])?$`), "at most 53 lower-case letters, digits and hyphens, the first a letter, the last no hyphen"},
	"image":             {regexp.MustCompile(`^\S+$`), "a reference to an image, such as registry.example.com/shop:1.4.0"},
	"port":              {regexp.MustCompile(`^[1-9][0-9]{3,4}$`), "a number from 1024 to 65535"},
	"paths":             {regexp.MustCompile(`^(import|source_relative)$`), `"import" or "source_relative"`},
	"module":            {regexp.MustCompile(`^.+$`), "the import path that output paths shall not begin with"},
	"annotate_code":     {regexp.MustCompile(`^(true|false|)$`), `"true" or "false"`},
	"default_api_level": {regexp.MustCompile(`^API_(OPEN|HYBRID|OPAQUE)$`), `"API_OPEN", "API_HYBRID" or "API_OPAQUE"`},
	"apilevelM":         {regexp.MustCompile(`^API_(OPEN|HYBRID|OPAQUE)$`), `"API_OPEN", "API_HYBRID" or "API_OPAQUE"`},
	"M":                 {regexp.MustCompile(`^.+$`), "a Go import path"},
}

const knownParameters = "package_suffix, import_path, emit, policy, report, strict, templates, skeleton_dir, app, deploy_dir, deploy_parts, app_name, image, port, and protoc-gen-go's paths, module, M<file>, annotate_code, default_api_level and apilevelM<file>"

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
	errs = append(errs, params.checkSkeleton(values), params.checkDeploy(values))
	if params.emit == (emit{}) {
		params.emit = emit{service: true, test: true}
	}
	return params, errors.Join(errs...)
}

// goFolder is the path of a folder that Go takes for a package: no part of it begins with a dot or an underscore.
var goFolder = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._~+-]*[A-Za-z0-9_~+-])?(/[A-Za-z0-9]([A-Za-z0-9._~+-]*[A-Za-z0-9_~+-])?)*$`)

// reservedElement says which directory of a path belongs to the go command, or returns "".
func reservedElement(path string) string {
	for element := range strings.SplitSeq(path, "/") {
		switch element {
		case "vendor":
			return "the go command owns directories called vendor: go mod vendor deletes what is in them"
		case "testdata":
			return "the go command ignores directories called testdata"
		}
	}
	return ""
}

// checkSkeleton says what is wrong with the parameters of skeletons together; values are those that were given.
func (p *parameters) checkSkeleton(values map[string]string) error {
	_, hasDir := values["skeleton_dir"]
	app, hasApp := values["app"]
	switch {
	case p.emit.skeleton && !hasDir:
		return errors.New(`parameter emit: "skeleton" needs the folder of the package that implements the services; want skeleton_dir=internal/service, or the like`)
	case hasDir && !p.emit.skeleton:
		return fmt.Errorf("parameter skeleton_dir=%q: nothing is written there without emit=skeleton; want both", values["skeleton_dir"])
	case hasApp && !p.emit.skeleton && !p.emit.deploy:
		return fmt.Errorf("parameter app=%q: it is where emit=skeleton writes a program, and what emit=deploy deploys; want one of them", app)
	default:
		return nil
	}
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
	case rule.valid == goFolder && reservedElement(value) != "":
		return fmt.Errorf("parameter %s=%q: %s; want %s", name, value, reservedElement(value), rule.want)
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
	case "import_path":
		p.importPath = value
	case "policy":
		p.policy = value
	case "report":
		p.report = value
	case "strict":
		p.strict = value != "false"
	case "templates":
		p.templates = value
	case "skeleton_dir":
		p.skeletonDir = value
	case "app":
		p.app = value
	case "deploy_dir":
		p.deploy.dir = value
	case "deploy_parts":
		p.deploy.parts = strings.Split(value, ";")
	case "app_name":
		p.deploy.name = value
	case "image":
		p.deploy.image = value
	case "port":
		p.deploy.port, _ = strconv.Atoi(value) // digits
	case "module":
		p.module = value
	case "emit":
		for word := range strings.SplitSeq(value, ";") {
			p.emit.service = p.emit.service || word == "service"
			p.emit.test = p.emit.test || word == "test"
			p.emit.skeleton = p.emit.skeleton || word == "skeleton"
			p.emit.deploy = p.emit.deploy || word == "deploy"
		}
	}
}

// place returns the path of an output file as the module parameter wants it. With an import path, files have their places by those of
// the protos already.
func (p *parameters) place(file string) (string, error) {
	if p.module == "" || p.importPath != "" {
		return file, nil
	}
	short, found := strings.CutPrefix(file, p.module+"/")
	if !found {
		return "", fmt.Errorf("parameter module=%q: the output file %q is not below it; correct it, or the go_package", p.module, file)
	}
	return short, nil
}

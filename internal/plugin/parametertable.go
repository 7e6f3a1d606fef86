package plugin

import (
	"slices"
	"strconv"
	"strings"

	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// parameter is a row of the table of parameters. Parsing, validation, --help and docs/plugin.md
// derive from it.
type parameter struct {
	name     string // the text before the "="
	isPrefix bool   // whether the path of a proto file follows the name
	isList   bool   // whether it may be repeated

	valid *lazyregexp.Regexp
	want  string // the description of a valid value, for errors
	set   func(p *parameters, value string)

	setFile func(p *parameters, file, value string) // instead of set, for a prefix

	emits []string // it has an effect only with one of these emits; empty means any
	alone string   // the error if none of these is on; "" means the usual text
	with  need     // it has an effect only with this parameter, if it has a name

	usage   string // the value in --help and the docs, such as "=FILE"
	help    string // its line in --help
	doc     string // its meaning in docs/plugin.md; "" means help
	without string // its default in docs/plugin.md
}

// parameterTable returns all parameters, in the order of errors and docs.
func parameterTable() []parameter {
	return slices.Concat(ownParameters, emitParameters, protocParameters)
}

// parameterOf returns the row of the parameter with the given name, which may consist of a prefix
// and a path.
func parameterOf(name string) (parameter, bool) {
	table := parameterTable()
	i := slices.IndexFunc(table, func(p parameter) bool {
		if p.isPrefix {
			return len(name) > len(p.name) && strings.HasPrefix(name, p.name)
		}
		return name == p.name
	})
	if i < 0 {
		return parameter{}, false
	}
	return table[i], true
}

// parameterNames lists the parameters for an error.
func parameterNames() string {
	foreign := foreignNames()
	last := len(foreign) - 1
	return strings.Join(namesOf(slices.Concat(ownParameters, emitParameters)), ", ") +
		", and protoc-gen-go's " + strings.Join(foreign[:last], ", ") + " and " + foreign[last]
}

// foreignNames returns the names of protoc-gen-go's parameters.
func foreignNames() []string { return namesOf(protocParameters) }

func namesOf(rows []parameter) (names []string) {
	for _, p := range rows {
		if p.isPrefix {
			names = append(names, p.name+"<file>")
		} else {
			names = append(names, p.name)
		}
	}
	return names
}

// ownParameters lists the parameters that apply to every emit.
var ownParameters = []parameter{{
	name: "package_suffix", usage: "=service", without: "`service`",
	valid: lazyregexp.New(`^[a-z][a-z0-9]*$`),
	want:  "lower-case letters and digits, starting with a letter",
	set:   func(p *parameters, value string) { p.packageSuffix = value },
	help:  "the suffix of the service package's name",
	doc: "the suffix that turns the package name of the messages into that of the service " +
		"package; the test package appends `test`",
}, {
	name: "import_path", usage: "=PATH", without: "below the packages of the messages",
	valid: lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._~+-]*(/[A-Za-z0-9_][A-Za-z0-9._~+-]*)*$`),
	want:  "the import path of the output directory, such as example.com/you/gen",
	set:   func(p *parameters, value string) { p.importPath = value },
	help: "the import path of the output directory, for services whose messages are in another " +
		"module",
	doc: "the import path of `out`, for [messages of another " +
		"module](#messages-of-another-module)",
}, {
	name: "emit", usage: "=" + defaultEmits(";"), isList: true, without: "`" + defaultEmits("` "+
		"and `") + "`",
	valid: listOf(emitNames()), want: wantList(emitNames()), set: setEmits,
	help: "which of these; " + defaultEmits(" and ") + " are the default",
	doc:  "[what to generate](#emits), separated by semicolons; may be repeated",
}, {
	name: "policy", usage: "=FILE", without: "none",
	valid: anything,
	want:  "the path of a policy file, relative to the directory in which buf or protoc runs",
	set:   func(p *parameters, value string) { p.policy = value },
	help:  "a YAML file of policies, in addition to the options in the protos",
	doc: "a YAML file of [policies](policy.md#the-policy-file), in addition to those in the protos; " +
		"the path is relative to the directory in which buf runs",
}, {
	name: "report", usage: "=FILE", without: "none",
	valid: lazyregexp.New(`^([^./\\\s][^/\\]*/)*[^./\\\s][^/\\]*\.json$`),
	want:  "the path of a .json file below the output directory",
	set:   func(p *parameters, value string) { p.report = value },
	help:  "write the effective policy of each method, and its origin, to a .json file",
	doc: "writes a [report](policy.md#the-report) of the effective policies to a `.json` file below " +
		"`out`; requires `strategy: all`",
}, {
	name: "strict", without: "off",
	valid: truth, want: `"true" or "false", or no value, which is "true"`,
	set:  func(p *parameters, value string) { p.strict = value != "false" },
	help: "turn warnings into errors",
	doc:  "turns warnings into errors with the same texts, for CI; `strict=false` is the default",
}, {
	name: "templates", usage: "=DIR", without: "none",
	valid: directoryPath,
	want: "the slash-separated path of a directory of templates, below the one in which buf or " +
		"protoc runs",
	set:  func(p *parameters, value string) { p.templates = value },
	help: "a directory of templates that replace the plugin's own",
	doc:  "a directory of [templates](templates.md) that replace the plugin's own",
}}

// emitParameters lists the parameters of emit=skeleton and emit=deploy.
var emitParameters = []parameter{{
	name: "skeleton_dir", usage: "=DIR", emits: []string{"skeleton"}, alone: "nothing is " +
		"written there without emit=skeleton; set both",
	valid: goDirectory,
	want: "a directory of your own module, such as internal/service: a slash-separated path below " +
		"the one in which buf or protoc runs",
	set:  func(p *parameters, value string) { p.skeletonDir = value },
	help: "the package that implements the services",
}, {
	name: "app", usage: "=DIR", emits: []string{"skeleton", "deploy"},
	alone: "emit=skeleton writes that program, and emit=deploy deploys it; set one " +
		"of them",
	valid: goDirectory,
	want: "the directory of a program, such as cmd/server: a slash-separated path below the one in " +
		"which buf or protoc runs",
	set:  func(p *parameters, value string) { p.app = value },
	help: "the program that serves them",
	doc:  "the program that serves them: `skeleton` writes it, `deploy` deploys it",
}, {
	name: "deploy_dir", usage: "=DIR", emits: []string{"deploy"},
	valid: goDirectory,
	want: "a directory of your module, such as deploy: a slash-separated path below the one in " +
		"which buf or protoc runs",
	set:  func(p *parameters, value string) { p.deploy.dir = value },
	help: "the directory of the Dockerfile and the manifests",
}, {
	name: "deploy_parts", usage: "=LIST", emits: []string{"deploy"}, without: "all",
	valid: listOf(deployParts), want: wantList(deployParts),
	set:  func(p *parameters, value string) { p.deploy.parts = strings.Split(value, ";") },
	help: "the parts to write, separated by semicolons: " + strings.Join(deployParts, ";"),
	doc: "the parts to write, separated by semicolons: `" + strings.Join(deployParts, "`, `") +
		"`",
}, {
	name: "app_name", usage: "=NAME", emits: []string{"deploy"},
	valid: lazyregexp.New(`^[a-z]([-a-z0-9]{0,51}[a-z0-9])?$`),
	want: "at most 53 lower-case letters, digits and hyphens, starting with a letter and not ending with a " +
		"hyphen",
	set:  func(p *parameters, value string) { p.deploy.name = value },
	help: "the name of the program in the cluster",
}, {
	name: "image", usage: "=IMAGE", emits: []string{"deploy"},
	valid: lazyregexp.New(`^\S+$`),
	want:  "a reference to an image, such as registry.example.com/shop:1.4.0",
	set:   func(p *parameters, value string) { p.deploy.image = value },
	help:  "the image to run",
}, {
	name: "port", usage: "=8080", emits: []string{"deploy"}, without: "8080",
	valid: lazyregexp.New(`^[1-9][0-9]{3,4}$`), want: "a number from 1024 to 65535",
	set:  func(p *parameters, value string) { p.deploy.port, _ = strconv.Atoi(value) }, // digits
	help: "the port that the program listens on",
}, {
	name: "web_port", usage: "=8081", emits: []string{"skeleton", "deploy"}, without: "none",
	alone: "emit=skeleton writes a program that serves it, and emit=deploy opens it; set one of them",
	with:  need{"app", "the directory of the program that serves it", "cmd/server"},
	valid: lazyregexp.New(`^[1-9][0-9]{3,4}$`), want: "a number from 1024 to 65535",
	set:  func(p *parameters, value string) { p.deploy.webPort, _ = strconv.Atoi(value) }, // digits
	help: "the second port, on which the program serves HTTP with runtime/web",
	doc: "the second port, on which the program serves HTTP with runtime/web: `deploy` opens it, and the " +
		"`main.go` of `skeleton` serves it",
}, {
	name: "tls_secret", usage: "=NAME", emits: []string{"deploy"}, without: "none",
	valid: lazyregexp.New(`^[a-z0-9][-a-z0-9.]{0,252}$`),
	want:  "the name of a Secret: lower-case letters, digits, hyphens and dots",
	set:   func(p *parameters, value string) { p.deploy.tls = value },
	help:  "the Secret with the certificate of a program that serves TLS itself, without a mesh",
}, {
	name: "slo", usage: "=99.9", emits: []string{"deploy"}, without: "99.9",
	valid: lazyregexp.New(`^9[5-9](\.[0-9]{1,3})?$`), want: "a percentage from 95 to 99.999",
	set:  func(p *parameters, value string) { p.deploy.slo, _ = strconv.ParseFloat(value, 64) }, // digits
	help: "the percentage of calls that must succeed, by method; alerts fire if fewer do",
}, {
	name: "callers", usage: "=LIST", emits: []string{"deploy"}, without: "all pods",
	valid: lazyregexp.New(`^[-a-z0-9*/]+(;[-a-z0-9*/]+)*$`),
	want: `callers such as "web/checkout", "jobs/*" or "checkout", or several with a ";" between ` +
		`them`,
	set:  func(p *parameters, value string) { p.deploy.callers = strings.Split(value, ";") },
	help: "who may call it: namespace/app, namespace/*, */app or app, separated by semicolons",
	doc: "the pods that may call it, separated by semicolons: `namespace/app`, `namespace/*`, " +
		"`*/app`, or `app` in the same namespace",
}, {
	name: "endpointslices", usage: "=LIST", emits: []string{"deploy"}, without: "none",
	valid: lazyregexp.New(`^[-a-z0-9]+(;[-a-z0-9]+)*$`),
	want:  `namespaces such as "library", or several with a ";" between them`,
	set:   func(p *parameters, value string) { p.deploy.endpointSlices = strings.Split(value, ";") },
	help:  "the namespaces whose pods it follows by EndpointSlices, separated by semicolons",
}, {
	name: "namespace", usage: "=NAME", emits: []string{"deploy"},
	valid: lazyregexp.New(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`),
	want:  "the name of a namespace: lower-case letters, digits and hyphens",
	set:   func(p *parameters, value string) { p.deploy.namespace = value },
	help:  "the namespace that it runs in, which endpointslices needs",
}, {
	name: "gateway", usage: "=NAMESPACE/NAME", emits: []string{"deploy"}, without: "none",
	valid: lazyregexp.New(`^[-a-z0-9]+/[-a-z0-9.]+(/[-a-z0-9.]+)?$`),
	want:  "the namespace and name of a Gateway, such as ingress/public, or those and a listener",
	set:   func(p *parameters, value string) { p.deploy.gateway = value },
	help:  "the Gateway through which calls from outside the cluster come",
	doc: "the Gateway through which calls from outside the cluster come, or `namespace/name/listener`; " +
		"it adds routes for them",
}, {
	name: "hostnames", usage: "=LIST", emits: []string{"deploy"}, without: "those of the listeners",
	valid: lazyregexp.New(`^[-a-z0-9.*]+(;[-a-z0-9.*]+)*$`),
	want: `host names such as "api.example.com" or "*.example.com", or several with a ";" between ` +
		`them`,
	set:  func(p *parameters, value string) { p.deploy.hostnames = strings.Split(value, ";") },
	help: "the host names of calls through the gateway, separated by semicolons",
}, {
	name: "web_hostnames", usage: "=LIST", emits: []string{"deploy"}, without: "no routes",
	valid: lazyregexp.New(`^[-a-z0-9.*]+(;[-a-z0-9.*]+)*$`),
	want: `host names such as "www.example.com" or "*.example.com", or several with a ";" between ` +
		`them`,
	set:  func(p *parameters, value string) { p.deploy.webHostnames = strings.Split(value, ";") },
	help: "the host names of HTTP requests through the gateway to web_port, separated by semicolons",
}}

// protocParameters lists the parameters of protoc-gen-go. Users give both plugins the same ones.
var protocParameters = []parameter{{
	name:  "paths",
	valid: lazyregexp.New(`^(import|source_relative)$`), want: `"import" or "source_relative"`,
}, {
	name:  "module",
	valid: anything, want: "the import path that is removed from output paths",
	set: func(p *parameters, value string) { p.module = value },
}, {
	name: "M", isPrefix: true, valid: anything, want: "a Go import path",
	setFile: func(p *parameters, file, value string) { p.mappings[file] = value },
}, {
	name: "annotate_code", valid: truth, want: `"true" or "false"`,
}, {
	name: "default_api_level", valid: apiLevel, want: wantAPILevel,
}, {
	name: "apilevelM", isPrefix: true, valid: apiLevel, want: wantAPILevel,
}}

// Patterns that several parameters share. goDirectory matches the path of a directory that the go
// command accepts as a package: no element starts with a dot or an underscore.
var (
	anything    = lazyregexp.New(`^.+$`)
	truth       = lazyregexp.New(`^(true|false|)$`)
	apiLevel    = lazyregexp.New(`^API_(OPEN|HYBRID|OPAQUE)$`)
	goDirectory = lazyregexp.New(`^` + goElement + `(/` + goElement + `)*$`)
)

const goElement = `[A-Za-z0-9]([A-Za-z0-9._~+-]*[A-Za-z0-9_~+-])?`

const wantAPILevel = `"API_OPEN", "API_HYBRID" or "API_OPAQUE"`

// listOf returns the pattern of a semicolon-separated list of words.
func listOf(words []string) *lazyregexp.Regexp {
	word := "(" + strings.Join(words, "|") + ")"
	return lazyregexp.New("^" + word + "(;" + word + ")*$")
}

// wantList describes such a list for errors.
func wantList(words []string) string {
	last := len(words) - 1
	return `"` + strings.Join(words[:last], `", "`) + `" or "` + words[last] + `", or several ` +
		`with a ";" between them`
}

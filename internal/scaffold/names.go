package scaffold

import (
	"fmt"
	"go/token"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// names are all names of a new repository. They follow from two, the path of the module and the
// full name of the service. The comments show example.com/library and library.v1.BookService.
type names struct {
	Module    string // example.com/library
	App       string // library: of the program, in a cluster and of its image
	Service   string // library.v1.BookService
	Package   string // library.v1
	Dir       string // library/v1, below proto and gen
	Proto     string // library/v1/book_service.proto
	GoPackage string // libraryv1
	Type      string // BookService
	File      string // book_service, of Go and proto files
	Item      string // Book, a message
	Items     string // Books
	Field     string // book, a field of a message
	Fields    string // books
	GoField   string // Book, the field in Go
	GoFields  string // Books
	Noun      string // book, in comments
	Nouns     string // books
}

var (
	modulePath    = lazyregexp.New(`^[A-Za-z0-9_][A-Za-z0-9._~-]*(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)
	serviceName   = lazyregexp.New(`^([a-z][a-z0-9_]*\.)+[A-Z][A-Za-z0-9]*$`)
	packageEnd    = lazyregexp.New(`^v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?$`)
	moduleVersion = lazyregexp.New(`^v[0-9]+$`)
)

// namesOf derives the names, or returns an error that says which one cannot be used and why.
func namesOf(module, service string) (names, error) {
	if err := checkModule(module); err != nil {
		return names{}, err
	}
	if err := checkService(service); err != nil {
		return names{}, err
	}
	dot := strings.LastIndexByte(service, '.')
	n := names{Module: module, App: appName(module), Service: service, Package: service[:dot], Type: service[dot+1:]}
	elements := strings.Split(n.Package, ".")
	n.Dir = path.Join(elements...)
	n.GoPackage = strings.ReplaceAll(strings.Join(elements[len(elements)-2:], ""), "_", "")
	n.File = snake(n.Type)
	n.Proto = n.Dir + "/" + n.File + ".proto"
	n.Item = strings.TrimSuffix(n.Type, "Service")
	n.Items = plural(n.Item)
	n.Field, n.Fields = snake(n.Item), snake(n.Items)
	n.GoField, n.GoFields = goField(n.Field), goField(n.Fields)
	n.Noun, n.Nouns = strings.ReplaceAll(n.Field, "_", " "), strings.ReplaceAll(n.Fields, "_", " ")
	return n, nil
}

// checkModule returns an error if the go command would not accept the path of a module.
func checkModule(module string) error {
	const example = ", as in --module example.com/library"
	elements := strings.Split(module, "/")
	last := elements[len(elements)-1]
	switch {
	case module == "":
		return fmt.Errorf("--module is missing; name the module of the repository%s", example)
	case !modulePath.MatchString(module), slices.ContainsFunc(elements, func(e string) bool { return strings.HasSuffix(e, ".") }):
		return fmt.Errorf("--module %q: it is not a module path; use letters, digits and . _ ~ - between slashes%s", module, example)
	case golang.MayBeStandard(module):
		return fmt.Errorf("--module %q: paths that start with %s belong to the standard library; start with a host name%s", module, elements[0], example)
	case last == "v0" || last == "v1":
		return fmt.Errorf("--module %q: a module path ends in a version only from /v2 on; remove /%s", module, last)
	}
	for _, e := range elements {
		if e == "internal" || e == "vendor" || e == "testdata" {
			return fmt.Errorf("--module %q: the go command treats directories named %s in its own way; rename that element", module, e)
		}
	}
	return nil
}

// checkService returns an error if the full name of a service violates the style that buf lint
// checks, or the names that follow from it cannot be those of Go.
func checkService(service string) error {
	const example = ", as in --service library.v1.BookService"
	if service == "" {
		return fmt.Errorf("--service is missing; name the service in full%s", example)
	}
	if !serviceName.MatchString(service) {
		return fmt.Errorf("--service %q: it is not a package and a service; write the package in lower case and the service in CamelCase%s", service, example)
	}
	elements := strings.Split(service, ".")
	name, elements := elements[len(elements)-1], elements[:len(elements)-1]
	switch item, suffixed := strings.CutSuffix(name, "Service"); {
	case !suffixed:
		return fmt.Errorf("--service %q: buf lint wants the name of a service to end in Service; name it %sService", service, name)
	case item == "":
		return fmt.Errorf("--service %q: Service alone does not say what it serves; put a noun before it%s", service, example)
	}
	if !packageEnd.MatchString(elements[len(elements)-1]) || len(elements) < 2 {
		return fmt.Errorf("--service %q: buf lint wants packages to end in a version; name it %s.v1.%s", service, strings.Join(elements, "."), name)
	}
	for _, e := range elements {
		if e == "internal" || e == "vendor" || e == "testdata" || token.IsKeyword(e) {
			return fmt.Errorf("--service %q: %s is a word of Go, and would be the name of a directory of Go packages; rename that element of the package", service, e)
		}
	}
	return nil
}

// appName returns the name of the program of a module: a name of DNS.
func appName(module string) string {
	base := path.Base(module)
	if moduleVersion.MatchString(base) && path.Dir(module) != "." {
		base = path.Base(path.Dir(module))
	}
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return '-'
	}, base)
	if len(name) > 40 {
		name = name[:40]
	}
	name = strings.Trim(name, "-")
	if name == "" || !unicode.IsLetter(rune(name[0])) {
		return "server"
	}
	return name
}

var wordStart = lazyregexp.New(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)

// snake converts CamelCase to lower_snake_case: HTTPRoute to http_route.
func snake(camel string) string {
	split := wordStart.ReplaceAllString(camel, "${1}${3}_${2}${4}")
	split = wordStart.ReplaceAllString(split, "${1}${3}_${2}${4}") // the matches of a run of capitals overlap
	return strings.ToLower(split)
}

// plural returns the plural of an English noun in CamelCase, for regular nouns.
func plural(noun string) string {
	lower := strings.ToLower(noun)
	ends := func(suffixes ...string) bool {
		return slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(lower, s) })
	}
	switch {
	case ends("s", "x", "ch", "sh"):
		return noun + "es"
	case ends("y") && !ends("ay", "ey", "oy", "uy"):
		return noun[:len(noun)-1] + "ies"
	default:
		return noun + "s"
	}
}

// goField returns the name that protoc-gen-go gives a field.
func goField(field string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(field, "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	switch name := b.String(); name {
	case "Reset", "String", "ProtoMessage", "Marshal", "Unmarshal", "ExtensionRangeArray", "ExtensionMap", "Descriptor":
		return name + "_" // these are methods of messages
	default:
		return name
	}
}

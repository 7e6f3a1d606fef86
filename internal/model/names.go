package model

import (
	"strings"
	"unicode"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// Names are the Go names that are generated for one service.
type Names struct {
	// In the service package.
	Interface     golang.Ident
	Unimplemented golang.Ident
	Register      golang.Ident
	NewClient     golang.Ident
	Config        string
	NameConst     string
	PolicyVar     string
	Table         string
	Client        string

	// In the test package.
	Serve    string
	Check    string
	Fake     string
	NewFake  string
	FakeType string
}

// newNames returns the names for the service of Go name goName in the package of out; lower is goName for unexported names.
func newNames(goName, lower string, out Output) Names {
	exported := func(name string) golang.Ident { return golang.Ident{Name: name, Package: out.Package, Path: out.Path} }
	return Names{
		Interface:     exported(goName),
		Unimplemented: exported("Unimplemented" + goName),
		Register:      exported("Register" + goName),
		NewClient:     exported("New" + goName + "Client"),
		Config:        goName + "Config",
		NameConst:     goName + "Name",
		PolicyVar:     lower + "Policy",
		Table:         lower + "Table",
		Client:        lower + "Client",
		Serve:         "Serve" + goName,
		Check:         "Check" + goName,
		Fake:          "Fake" + goName,
		NewFake:       "NewFake" + goName,
		FakeType:      "fake" + goName,
	}
}

// declaration is a name that a generated package declares, and what for.
type declaration struct{ name, what string }

// inService lists what the service package declares for the service.
func (n Names) inService() []declaration {
	return []declaration{
		{n.Interface.Name, "interface"},
		{n.NameConst, "name constant"},
		{n.Unimplemented.Name, "unimplemented type"},
		{n.Register.Name, "register function"},
		{n.NewClient.Name, "client constructor"},
		{n.Config, "client configuration"},
		{n.PolicyVar, "policy"},
		{n.Table, "table"},
		{n.Client, "client type"},
	}
}

// inTest lists what the test package declares for the service.
func (n Names) inTest() []declaration {
	return []declaration{
		{n.Serve, "test server"},
		{n.Check, "contract test"},
		{n.Fake, "fake"},
		{n.NewFake, "fake constructor"},
		{n.FakeType, "fake type"},
	}
}

// lowerNames gives every Go name of a package's services the form that begins an unexported name: HTTPService becomes
// httpService. Where two would become the same, they keep all but their first letter.
func lowerNames(goNames []string) map[string]string {
	count := make(map[string]int)
	for _, name := range goNames {
		count[lowerInitialism(name)]++
	}
	lower := make(map[string]string, len(goNames))
	for _, name := range goNames {
		lower[name] = lowerInitialism(name)
		if count[lower[name]] > 1 {
			lower[name] = strings.ToLower(name[:1]) + name[1:]
		}
	}
	return lower
}

// lowerInitialism lowers the capitals that name begins with, but for the one that begins its second word.
func lowerInitialism(name string) string {
	capitals := 0
	for capitals < len(name) && unicode.IsUpper(rune(name[capitals])) {
		capitals++
	}
	if capitals > 1 && capitals < len(name) && unicode.IsLower(rune(name[capitals])) {
		capitals--
	}
	return strings.ToLower(name[:capitals]) + name[capitals:]
}

// SnakeCase returns a name of Go or of a message as files and fields are called: HTTPService becomes http_service.
func SnakeCase(name string) string {
	var out strings.Builder
	for i := range len(name) {
		c := name[i]
		isUpper := 'A' <= c && c <= 'Z'
		if isUpper && i > 0 && name[i-1] != '_' {
			before := name[i-1]
			beginsWord := i+1 < len(name) && 'a' <= name[i+1] && name[i+1] <= 'z'
			if !('A' <= before && before <= 'Z') || beginsWord {
				out.WriteByte('_')
			}
		}
		if isUpper {
			c += 'a' - 'A'
		}
		out.WriteByte(c)
	}
	return out.String()
}

package model

import (
	"strings"
	"unicode"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// Names holds the Go names that are generated for one service.
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

	// In the package of adapters.
	FromServer     string
	ToServer       string
	FromClient     string
	ToClient       string
	FromServerType string
	ToServerType   string
}

// newNames returns the names for the service goName in the package of out. The prefix of its
// unexported names is lower.
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

		FromServer:     goName + "FromServer",
		ToServer:       goName + "ToServer",
		FromClient:     goName + "FromClient",
		ToClient:       goName + "ToClient",
		FromServerType: lower + "FromServer",
		ToServerType:   lower + "ToServer",
	}
}

// declaration is a name that a generated package declares, and a description of its use.
type declaration struct{ name, what string }

// inService returns the declarations for the service in the service package.
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

// inTest returns the declarations for the service in the test package.
func (n Names) inTest() []declaration {
	return []declaration{
		{n.Serve, "test server"},
		{n.Check, "contract test"},
		{n.Fake, "fake"},
		{n.NewFake, "fake constructor"},
		{n.FakeType, "fake type"},
	}
}

// inAdapters returns the declarations for the service in the package of adapters.
func (n Names) inAdapters() []declaration {
	return []declaration{
		{n.FromServer, "adapter of a server"},
		{n.ToServer, "adapter to a server"},
		{n.FromClient, "adapter of a client"},
		{n.ToClient, "adapter to a client"},
		{n.FromServerType, "adapter type of a server"},
		{n.ToServerType, "adapter type to a server"},
	}
}

// lowerNames maps the Go name of each service of a package to the prefix of its unexported names:
// HTTPService to httpService. If two names would get the same prefix, only their first letter is
// lowered.
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

// lowerInitialism lowers the leading capitals of name, except one that starts its second word.
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

// SnakeCase converts a Go or message name to the form of file and field names: HTTPService to
// http_service.
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

package gen

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern/table"
)

// goPackage is a Go package that generated code may import.
type goPackage struct{ name, path string }

// Packages that generated code imports.
var (
	contextPackage     = goPackage{"context", "context"}
	slogPackage        = goPackage{"slog", "log/slog"}
	testingPackage     = goPackage{"testing", "testing"}
	timePackage        = goPackage{"time", "time"}
	grpcPackage        = goPackage{"grpc", "google.golang.org/grpc"}
	runtimePackage     = goPackage{"runtime", "github.com/grpcservice/grpcservice/runtime"}
	policyPackage      = goPackage{"policy", "github.com/grpcservice/grpcservice/runtime/policy"}
	serverPackage      = goPackage{"server", "github.com/grpcservice/grpcservice/runtime/server"}
	clientPackage      = goPackage{"client", "github.com/grpcservice/grpcservice/runtime/client"}
	gogrpcPackage      = goPackage{"gogrpc", "github.com/grpcservice/grpcservice/runtime/gogrpc"}
	servicetestPackage = goPackage{"servicetest", "github.com/grpcservice/grpcservice/runtime/servicetest"}

	standardPackages = []goPackage{contextPackage, slogPackage, testingPackage, timePackage}
	ownPackages      = []goPackage{grpcPackage, runtimePackage, policyPackage, serverPackage, clientPackage, gogrpcPackage, servicetestPackage}
)

// Packages that only user-owned files import.
var (
	userStandardPackages = []goPackage{{"cmp", "cmp"}, {"fmt", "fmt"}, {"io", "io"}, {"os", "os"}}
	userPackages         = []goPackage{
		{"status", "google.golang.org/grpc/status"}, {"codes", "google.golang.org/grpc/codes"},
		{"admin", "github.com/grpcservice/grpcservice/runtime/admin"},
		{"grpcotel", "github.com/grpcservice/grpcservice/runtime/grpcotel"},
		{"grpcprom", "github.com/grpcservice/grpcservice/runtime/grpcprom"},
		{"idempotency", "github.com/grpcservice/grpcservice/runtime/idempotency"},
		{"otlp", "github.com/grpcservice/grpcservice/runtime/otlp"},
		{"seal", "github.com/grpcservice/grpcservice/runtime/seal"},
		{"stream", "github.com/grpcservice/grpcservice/runtime/stream"},
		{"web", "github.com/grpcservice/grpcservice/runtime/web"},
	}
)

// patternPackages returns the runtime packages of patterns and their dependencies. They are the same
// for each file.
var patternPackages = sync.OnceValue(func() (packages []goPackage) {
	for _, p := range table.Packages() {
		packages = append(packages, goPackage{p.Name, p.Path})
	}
	return packages
})

// locals lists the names of receivers, parameters and variables in generated function bodies. Each
// would shadow an import of the same name.
var locals = []string{"c", "conn", "ctx", "f", "fake", "m", "opts", "r", "req", "reqs", "service", "srv", "ss", "svc", "t"}

// imports is the import table of one file. It spells identifiers and records the packages that they
// need.
type imports struct {
	self  string                  // the import path of the file's own package
	own   []string                // the names that the package declares, sorted
	names map[string]string       // the name of each package in this file, by import path
	taken map[string]bool         // the names that no further package may get
	used  map[string]golang.Ident // an identifier of each imported package, by import path
}

// newImports returns the import table of the file that out describes. It names the packages of
// first before all later ones, so they keep their names if later packages have the same.
func newImports(out model.Output, first ...golang.Ident) *imports {
	t := &imports{
		self: out.Path, own: out.Declares, names: make(map[string]string),
		taken: make(map[string]bool), used: make(map[string]golang.Ident),
	}
	for _, name := range locals {
		t.taken[name] = true
	}
	for _, packages := range [][]goPackage{standardPackages, ownPackages, patternPackages()} {
		for _, p := range packages {
			t.taken[p.name], t.names[p.path] = true, p.name
		}
	}
	for _, id := range first {
		t.name(id)
	}
	return t
}

// ident spells id in this file. If id is from another package, it qualifies id and records the
// import.
func (t *imports) ident(id golang.Ident) string {
	if id.Path == t.self {
		return id.Name
	}
	t.used[id.Path] = id
	return t.name(id) + "." + id.Name
}

// of returns a function that spells the identifiers of p.
func (t *imports) of(p goPackage) func(name string) string {
	return func(name string) string { return t.ident(golang.Ident{Name: name, Package: p.name, Path: p.path}) }
}

// helper spells an identifier of the runtime package for a pattern.
func (t *imports) helper(pattern, name string) (string, error) {
	for _, p := range patternPackages() {
		if p.name == pattern {
			return t.of(p)(name), nil
		}
	}
	return "", fmt.Errorf("there is no package for the pattern %q", pattern)
}

// name returns the name of id's package in this file. It chooses one for a new package.
func (t *imports) name(id golang.Ident) string {
	if name, found := t.names[id.Path]; found {
		return name
	}
	isFree := func(name string) bool {
		_, declared := slices.BinarySearch(t.own, name)
		return !declared && !t.taken[name]
	}
	name := golang.ImportName(id, isFree, "pb")
	t.taken[name], t.names[id.Path] = true, name
	return name
}

// groups returns the lines of the import declaration in two groups: the standard library, then
// everything else.
func (t *imports) groups() [][]string {
	var groups [2][]string
	for _, importPath := range slices.Sorted(maps.Keys(t.used)) {
		name := golang.ImportAlias(t.used[importPath], t.names[importPath])
		line := strings.TrimSpace(name + " " + strconv.Quote(importPath))
		group := 1
		isIt := func(p goPackage) bool { return p.path == importPath }
		if slices.ContainsFunc(standardPackages, isIt) || slices.ContainsFunc(userStandardPackages, isIt) {
			group = 0
		}
		groups[group] = append(groups[group], line)
	}
	return groups[:]
}

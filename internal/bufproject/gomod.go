package bufproject

import (
	"path"

	"github.com/grpcservice/grpcservice/internal/gomod"
)

// Module is a go.mod.
type Module struct {
	File     string // its path
	Dir      string
	Path     string            // the module path
	Line     int               // of the module path
	Versions map[string]string // of the modules that it requires
	Replaced map[string]bool   // the modules that it replaces
	Tools    map[string]int    // the tool directives, with their lines
	Lines    map[string]int    // the lines of what it requires
}

func (p *Project) addModule(name, text string) {
	m := Module{
		File: name, Dir: path.Dir(name), Versions: make(map[string]string), Replaced: make(map[string]bool),
		Tools: make(map[string]int), Lines: make(map[string]int),
	}
	for _, d := range gomod.Directives(text) {
		switch {
		case d.Verb == "module" && len(d.Args) == 1:
			m.Path, m.Line = d.Args[0], d.Line
		case d.Verb == "require" && len(d.Args) >= 2:
			m.Versions[d.Args[0]], m.Lines[d.Args[0]] = d.Args[1], d.Line
		case d.Verb == "replace" && len(d.Args) > 0:
			m.Replaced[d.Args[0]] = true
		case d.Verb == "tool" && len(d.Args) == 1:
			m.Tools[d.Args[0]] = d.Line
		}
	}
	if m.Path == "" {
		p.Problems = append(p.Problems, Problem{Path: name, Line: 1, Setting: true, Text: "it has no line with module and its path"})
		return
	}
	p.Modules = append(p.Modules, m)
}

func (p *Project) addGoWork(name, text string) {
	p.GoWork = name
	for _, d := range gomod.Directives(text) {
		if d.Verb == "use" && len(d.Args) == 1 {
			p.Used = append(p.Used, path.Clean(d.Args[0]))
		}
	}
}

// ToolNamed returns the package of the tool with a name, as go tool finds it, and its line.
func (m Module) ToolNamed(name string) (pkg string, line int) {
	for tool, line := range m.Tools {
		if tool == name || path.Base(tool) == name {
			return tool, line
		}
	}
	return "", 0
}

// VersionOf returns the version that the module requires of the module that a package belongs to,
// or "" if it requires none.
func (m Module) VersionOf(pkg string) (module, version string) {
	for at := pkg; at != "." && at != "/"; at = path.Dir(at) {
		if version, ok := m.Versions[at]; ok {
			return at, version
		}
	}
	return "", ""
}

package bufproject

import (
	"path"
	"strings"
)

// Module is a go.mod.
type Module struct {
	File     string // its path
	Dir      string
	Path     string            // the module path
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
	eachDirective(text, func(verb string, args []string, line int) {
		switch {
		case verb == "module" && len(args) == 1:
			m.Path = args[0]
		case verb == "require" && len(args) >= 2:
			m.Versions[args[0]], m.Lines[args[0]] = args[1], line
		case verb == "replace" && len(args) > 0:
			m.Replaced[args[0]] = true
		case verb == "tool" && len(args) == 1:
			m.Tools[args[0]] = line
		}
	})
	if m.Path == "" {
		p.Problems = append(p.Problems, Problem{Path: name, Line: 1, Setting: true, Text: "it has no line with module and its path"})
		return
	}
	p.Modules = append(p.Modules, m)
}

func (p *Project) addGoWork(name, text string) {
	p.GoWork = name
	eachDirective(text, func(verb string, args []string, _ int) {
		if verb == "use" && len(args) == 1 {
			p.Used = append(p.Used, path.Clean(args[0]))
		}
	})
}

// eachDirective calls f for each directive of a go.mod or go.work. It ignores errors, which the go
// command reports.
func eachDirective(text string, f func(verb string, args []string, line int)) {
	block, n := "", 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "//")
		words := strings.Fields(line)
		for i, word := range words {
			words[i] = strings.Trim(word, "\"`")
		}
		switch {
		case len(words) == 0:
		case block != "" && words[0] == ")":
			block = ""
		case block == "" && len(words) == 2 && words[1] == "(":
			block = words[0]
		case block != "":
			f(block, words, n)
		default:
			f(words[0], words[1:], n)
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

package doctor

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/grpcservice/grpcservice/internal/bufproject"
	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// oldestBuf is the first buf with version v2 of its files, in which a plugin is a list of words.
const oldestBuf = "v1.32.0"

// checkCommands checks how buf starts the two plugins.
func (p *patient) checkCommands() {
	for name, pkg := range map[string]string{ours: ourCommand, messages: goCommand} {
		p.each(name, func(t bufproject.Template, plugin bufproject.Plugin) {
			m, known := p.ModuleAt(".")
			switch {
			case plugin.Remote != "" || !known:
			case plugin.Uses() == "tool":
				p.checkTool(t, plugin, m, name, pkg)
				p.checkCalls(t, plugin)
			case plugin.Uses() == "run":
				p.checkRun(t, plugin, m, pkg)
			default:
				p.checkInstalled(t, plugin, m, name, pkg)
			}
		})
	}
}

// checkTool checks a plugin that go tool starts.
func (p *patient) checkTool(t bufproject.Template, plugin bufproject.Plugin, m bufproject.Module, name, pkg string) {
	for _, word := range plugin.Command {
		if file, ok := strings.CutPrefix(word, "-modfile="); ok {
			i := slices.IndexFunc(p.Modules, func(m bufproject.Module) bool { return m.File == file })
			if i < 0 {
				return // a file with another name, which is not read
			}
			m = p.Modules[i]
		}
	}
	if tool, _ := m.ToolNamed(name); tool == "" {
		p.errorf(t.Path, plugin.NameLine, "go tool does not know %s, because %s has no tool directive for it; run go get -tool %s@latest%s", name, m.File, pkg, in(m))
	}
}

// manyDirectories is how many directories of protos make go tool a cost that a person notices.
const manyDirectories = 5

// checkCalls reports a plugin that go tool starts for each of many directories.
func (p *patient) checkCalls(t bufproject.Template, plugin bufproject.Plugin) {
	dirs := make(map[string]bool)
	for _, proto := range p.Protos {
		if _, ok := p.Generates(t, proto); ok {
			dirs[path.Dir(proto.Path)] = true
		}
	}
	if len(dirs) >= manyDirectories && plugin.Strategy != "all" {
		p.warnf(t.Path, plugin.Line, "buf starts go tool for each of %d directories of protos, which costs 0.2 to 0.4 s of CPU time each; add strategy: all", len(dirs))
	}
}

// checkRun checks a plugin that go run starts.
func (p *patient) checkRun(t bufproject.Template, plugin bufproject.Plugin, m bufproject.Module, pkg string) {
	_, version, _ := strings.Cut(plugin.Command[len(plugin.Command)-1], "@")
	if module, want := m.VersionOf(pkg); want != "" && version != "" && version != want {
		p.warnf(t.Path, plugin.NameLine, "the plugin is %s, but %s has %s %s; run go get -tool %s and write local: [go, tool, %s]",
			version, m.File, module, want, pkg, plugin.Name)
	}
}

var versionIn = lazyregexp.New(`\bv?(\d+\.\d+\.\d+\S*)`)

// checkInstalled checks a plugin on PATH.
func (p *patient) checkInstalled(t bufproject.Template, plugin bufproject.Plugin, m bufproject.Module, name, pkg string) {
	if len(plugin.Command) != 1 {
		return // another program starts it
	}
	out, err := p.program(plugin.Command[0], "--version")
	if err != nil {
		p.errorf(t.Path, plugin.NameLine, "%s does not start (%v); run go get -tool %s and write local: [go, tool, %s]", plugin.Command[0], err, pkg, name)
		return
	}
	if tool, _ := m.ToolNamed(name); tool != "" {
		p.warnf(t.Path, plugin.NameLine, "this is the %s on PATH, whatever version %s has; write local: [go, tool, %s]", name, m.File, name)
	}
	installed := ""
	if found := versionIn.FindStringSubmatch(out); found != nil {
		installed = "v" + found[1]
	}
	module, required := m.VersionOf(pkg)
	if installed != "" && required != "" && !m.Replaced[module] && released(installed) && compare(installed, required) > 0 {
		p.errorf(t.Path, plugin.NameLine, "%s on PATH is %s, newer than %s %s in %s, which may not compile with its code; run go get %s@%s",
			name, installed, module, required, m.File, module, installed)
	}
}

// checkBuf checks the version of buf.
func (p *patient) checkBuf() {
	if len(p.Templates) == 0 {
		return
	}
	for _, m := range p.Modules {
		if tool, line := m.ToolNamed("buf"); tool == "github.com/bufbuild/buf/cmd/buf" {
			if _, version := m.VersionOf(tool); version != "" && compare(version, oldestBuf) < 0 {
				p.errorf(m.File, line, "buf %s is older than %s; run go get -tool %s@latest%s", version, oldestBuf, tool, in(m))
			}
			return
		}
	}
	out, err := p.program("buf", "--version")
	if err != nil {
		p.errorf("", 0, "buf does not start (%v); install it: https://buf.build/docs/cli/installation", err)
		return
	}
	if found := versionIn.FindStringSubmatch(out); found != nil && compare("v"+found[1], oldestBuf) < 0 {
		p.errorf("", 0, "buf v%s is older than %s, the first with version v2 of its files; install a newer one: https://buf.build/docs/cli/installation", found[1], oldestBuf)
	}
}

// checkGenerated compares the versions in generated files with those in go.mod.
func (p *patient) checkGenerated() {
	oldest := make(map[string]bufproject.Generated) // by module
	for _, file := range p.Generated {
		m, ok := p.ModuleAt(file.Path)
		if !ok || file.Version == "" {
			continue
		}
		switch file.Plugin {
		case messages:
			if _, version := m.VersionOf(goCommand); version != "" && !m.Replaced[protobufModule] && compare(file.Version, version) > 0 {
				p.errorf(file.Path, file.Line, "%s %s generated it, but %s has %s %s, which is older; run go get %s@%s",
					messages, file.Version, m.File, protobufModule, version, protobufModule, file.Version)
			}
			if first, ok := oldest[m.File]; ok && compare(first.Version, file.Version) != 0 {
				p.warnf(file.Path, file.Line, "%s %s generated it, and %s generated %s; run buf generate", messages, file.Version, first.Version, first.Path)
			} else if !ok {
				oldest[m.File] = file
			}
		case ours:
			if _, version := m.VersionOf(ourCommand); version != "" && !m.Replaced[runtimeModule] && compare("v"+file.Version+".0-0", version) > 0 {
				p.errorf(file.Path, file.Line, "it needs version %s of %s or later, but %s has %s; run go get %s@latest", file.Version, runtimeModule, m.File, version, runtimeModule)
			}
		}
	}
}

// newer returns the newer of two versions.
func newer(a, b string) string {
	if compare(a, b) > 0 {
		return a
	}
	return b
}

// released reports whether a version is neither that of a checkout nor a pseudo-version of one.
func released(version string) bool {
	return !strings.Contains(version, "+") && !strings.HasPrefix(version, "v0.0.0-") && !strings.Contains(version, "-dev")
}

// compare compares two semantic versions. A prerelease precedes its release, and prereleases are
// compared as texts.
func compare(a, b string) int {
	a, _, _ = strings.Cut(strings.TrimPrefix(a, "v"), "+")
	b, _, _ = strings.Cut(strings.TrimPrefix(b, "v"), "+")
	a, preA, isPreA := strings.Cut(a, "-")
	b, preB, isPreB := strings.Cut(b, "-")
	if order := slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		m, _ := strconv.Atoi(x)
		n, _ := strconv.Atoi(y)
		return cmp.Compare(m, n)
	}); order != 0 {
		return order
	}
	switch {
	case isPreA && !isPreB:
		return -1
	case !isPreA && isPreB:
		return 1
	default:
		return cmp.Compare(preA, preB)
	}
}

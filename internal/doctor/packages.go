package doctor

import (
	"path"
	"strings"

	"github.com/grpcservice/grpcservice/internal/bufproject"
)

// checkPackages compares the Go package of each proto with the directory that its code is written
// to.
func (p *patient) checkPackages() {
	p.each(messages, func(t bufproject.Template, plugin bufproject.Plugin) {
		base := p.ImportPath(plugin.Out)
		if base == "" {
			p.errorf(t.Path, plugin.OutLine, "no go.mod is in or above %s, so the generated packages have no import path; run go mod init", plugin.Out)
			return
		}
		if t.Managed.Line > 0 && t.Managed.Prefix != "" {
			p.checkPrefix(t, plugin, base)
			return
		}
		for _, proto := range p.Protos {
			root, generated := p.Generates(t, proto)
			name := below(proto.Path, root)
			if generated && !isThirdParty(name) && !mapped(plugin, name) && !t.Managed.Overrides(name) {
				p.checkPackage(plugin, proto, base, name)
			}
		}
	})
}

// checkPrefix checks the prefix that managed mode gives to Go packages.
func (p *patient) checkPrefix(t bufproject.Template, plugin bufproject.Plugin, base string) {
	if paths, _ := plugin.Opt("paths"); paths == "source_relative" && t.Managed.Prefix != base {
		p.errorf(t.Path, t.Managed.At, "the prefix of Go packages is %s, but the code is written to %s, which is %s; write that as the prefix",
			t.Managed.Prefix, plugin.Out, base)
	}
}

// below returns the path of a file relative to a directory.
func below(file, dir string) string {
	if dir == "." {
		return file
	}
	return strings.TrimPrefix(file, dir+"/")
}

// checkPackage checks the Go package of a proto, whose code is written below the import path base.
func (p *patient) checkPackage(plugin bufproject.Plugin, proto bufproject.Proto, base, name string) {
	if proto.GoPackage == "" {
		return // another style, or a mistake that protoc-gen-go reports
	}
	paths, _ := plugin.Opt("paths")
	module, line := plugin.Opt("module")
	switch {
	case paths == "source_relative":
		dir := path.Dir(name)
		if want := path.Join(base, dir); proto.GoImport() != want {
			p.errorf(proto.Path, proto.GoLine, "the Go package is %s, but its code is written to %s, which is %s; write option go_package = %q",
				proto.GoImport(), path.Join(plugin.Out, dir), want, want+nameOf(proto))
		}
	case line > 0:
		if below, ok := strings.CutPrefix(proto.GoImport()+"/", module+"/"); !ok {
			p.errorf(proto.Path, proto.GoLine, "the Go package %s is not in the module %s of opt; change one of them", proto.GoImport(), module)
		} else if want := path.Join(base, below); proto.GoImport() != want {
			p.errorf(proto.Path, proto.GoLine, "the Go package is %s, but its code is written to %s, which is %s; write out: . or another module",
				proto.GoImport(), path.Join(plugin.Out, below), want)
		}
	default:
		p.errorf(proto.Path, proto.GoLine, "the code of the Go package %s is written to %s, because opt has neither paths=source_relative nor module; "+
			"add paths=source_relative to all plugins", proto.GoImport(), path.Join(plugin.Out, proto.GoImport()))
	}
}

// nameOf returns the name of the Go package with its semicolon, if it is written.
func nameOf(proto bufproject.Proto) string {
	if _, name, ok := strings.Cut(proto.GoPackage, ";"); ok {
		return ";" + name
	}
	return ""
}

// mapped reports whether a parameter M sets the Go package of a proto.
func mapped(plugin bufproject.Plugin, name string) bool {
	_, line := plugin.Opt("M" + name)
	return line > 0
}

// checkModules checks go.mod and go.work.
func (p *patient) checkModules() {
	p.each(ours, func(t bufproject.Template, plugin bufproject.Plugin) {
		if !generates(plugin) {
			return
		}
		m, ok := p.ModuleAt(plugin.Out)
		if !ok {
			return // reported for the messages
		}
		p.checkRequires(m)
		if p.GoWork != "" && !contains(p.Used, m.Dir) {
			p.errorf(p.GoWork, 1, "it does not use the module %s, which has the generated code; run go work use %s", m.Path, bufproject.Relative(m.Dir))
		}
	})
	for _, call := range p.Protoc {
		if m, ok := p.ModuleAt(call.Out); ok && call.Ours && !strings.Contains(call.Out, "$") { // a variable may be another module
			p.checkRequires(m)
		}
	}
	for _, m := range p.Modules {
		p.checkSubmodules(m)
	}
}

// checkRequires checks that a module with generated code requires the runtime.
func (p *patient) checkRequires(m bufproject.Module) {
	if _, version := m.VersionOf(runtimeModule); version == "" && m.Path != runtimeModule && !m.Replaced[runtimeModule] {
		p.errorf(m.File, m.Line, "it does not require %s, which the generated code imports; run go get -tool %s@latest%s", runtimeModule, ourCommand, in(m))
	}
}

// checkSubmodules compares the versions of the modules below runtime, which are released together.
func (p *patient) checkSubmodules(m bufproject.Module) {
	root := m.Versions[runtimeModule]
	for module, version := range m.Versions {
		if strings.HasPrefix(module, runtimeModule+"/") && root != "" && version != root && !m.Replaced[module] && !m.Replaced[runtimeModule] {
			p.warnf(m.File, m.Lines[module], "%s is %s, but %s is %s; they are released together: go get %s@%s %s@%s",
				module, version, runtimeModule, root, module, newer(version, root), runtimeModule, newer(version, root))
		}
	}
}

// in returns where a command must run, for the end of a sentence.
func in(m bufproject.Module) string {
	if m.Dir == "." {
		return ""
	}
	return " in " + m.Dir
}

func contains(all []string, s string) bool {
	for _, one := range all {
		if one == s {
			return true
		}
	}
	return false
}

package doctor

import (
	"path"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/bufproject"
)

const (
	ours     = "protoc-gen-grpcservice"
	messages = "protoc-gen-go"
	stock    = "protoc-gen-go-grpc"

	runtimeModule  = "github.com/grpcservice/grpcservice"
	protobufModule = "google.golang.org/protobuf"
	ourCommand     = runtimeModule + "/cmd/" + ours
	goCommand      = protobufModule + "/cmd/" + messages
)

// checkFiles reports files that cannot be read, and a directory without settings.
func (p *patient) checkFiles() {
	for _, problem := range p.Problems {
		p.errorf(problem.Path, problem.Line, "%s; correct it first", problem.Text)
	}
	if p.Truncated {
		p.warnf("", 0, "there are more than %d files here, and the rest was not read; run doctor in a directory with less", bufproject.MostFiles)
	}
	if len(p.Templates) == 0 && !p.misread() && len(p.Protoc) == 0 {
		p.errorf("", 0, "there is no buf.gen.yaml here; run doctor in the directory in which buf generate runs, or write one: %s init", ours)
	}
}

// misread reports whether settings cannot be read, without which no other check is right.
func (p *patient) misread() bool {
	return slices.ContainsFunc(p.Problems, func(problem bufproject.Problem) bool { return problem.Setting })
}

// checkTemplates checks each template as a whole.
func (p *patient) checkTemplates() {
	found := false
	for _, t := range p.Templates {
		switch t.Version {
		case "v1", "v2":
		case "":
			p.errorf(t.Path, 1, "there is no version; write version: v2")
		default:
			p.errorf(t.Path, 1, "version is %q; write version: v2, or run buf config migrate", t.Version)
		}
		found = found || slices.ContainsFunc(t.Plugins, func(plugin bufproject.Plugin) bool { return plugin.Name == ours })
	}
	for _, call := range p.Protoc {
		found = found || call.Ours
	}
	switch {
	case found:
	case len(p.Templates) > 0:
		t := p.Templates[0]
		p.errorf(t.Path, max(t.PluginsLine, 1), "no plugin is %s, so no services are generated; %s init prints what to add", ours, ours)
	case len(p.Protoc) > 0:
		call := p.Protoc[0]
		p.errorf(call.Path, call.Line, "protoc runs without --grpcservice_out, so no services are generated; %s init prints what to add", ours)
	}
}

// each calls check for each plugin with a name.
func (p *patient) each(name string, check func(t bufproject.Template, plugin bufproject.Plugin)) {
	for _, t := range p.Templates {
		for _, plugin := range t.Plugins {
			if plugin.Name == name {
				check(t, plugin)
			}
		}
	}
}

// checkPlugins checks the settings of each entry of this plugin.
func (p *patient) checkPlugins() {
	p.each(ours, func(t bufproject.Template, plugin bufproject.Plugin) {
		for _, emit := range plugin.Emits() {
			switch emit {
			case "skeleton", "deploy":
				p.checkUserFiles(t, plugin, emit)
			case "gogrpc":
				p.checkAdapters(t, plugin)
			}
		}
		if _, line := plugin.Opt("report"); line > 0 && plugin.Strategy != "all" {
			p.errorf(t.Path, line, "report needs strategy: all; otherwise buf runs the plugin for each directory, and the last run overwrites the report")
		}
	})
	for _, name := range []string{ours, messages} {
		p.each(name, func(t bufproject.Template, plugin bufproject.Plugin) {
			if plugin.OutLine == 0 {
				p.errorf(t.Path, plugin.Line, "%s has no out; name the directory of the generated code, such as out: gen", name)
			}
			if plugin.IncludeImports > 0 {
				p.errorf(t.Path, plugin.IncludeImports, "include_imports also generates code for imported protos, whose Go packages exist; "+
					"a program that links a proto twice panics when it starts; remove this line")
			}
		})
	}
}

// checkUserFiles checks an entry that writes files for the user to edit.
func (p *patient) checkUserFiles(t bufproject.Template, plugin bufproject.Plugin, emit string) {
	if plugin.Strategy != "all" {
		p.errorf(t.Path, plugin.Line, "emit=%s needs strategy: all; otherwise buf runs the plugin for each directory, and no run sees all services", emit)
	}
	if plugin.Out != "." && plugin.OutLine > 0 {
		p.errorf(t.Path, plugin.OutLine, "emit=%s needs out: . instead of %s, because the paths of its parameters are relative to the directory "+
			"in which buf runs; with another out, the plugin does not find the files of its last run", emit, plugin.Out)
	}
	if plugin.Remote != "" {
		p.errorf(t.Path, plugin.NameLine, "emit=%s reads your files, which a remote plugin cannot; write local: [go, tool, %s]", emit, ours)
	}
	dir := "skeleton_dir"
	if emit == "deploy" {
		dir = "deploy_dir"
	}
	if value, line := plugin.Opt(dir); value == "" {
		p.errorf(t.Path, max(line, plugin.Line), "emit=%s needs %s; add it to opt, such as %s=%s", emit, dir, dir,
			map[string]string{"skeleton": "internal/service", "deploy": "deploy"}[emit])
	}
}

// checkAdapters checks an entry whose code adapts to that of protoc-gen-go-grpc.
func (p *patient) checkAdapters(t bufproject.Template, plugin bufproject.Plugin) {
	i := slices.IndexFunc(t.Plugins, func(plugin bufproject.Plugin) bool { return plugin.Name == stock })
	switch {
	case i < 0:
		p.warnf(t.Path, plugin.Line, "emit=gogrpc imports the code of %s, and no entry of this file is that; add it with the same out, unless another command runs it", stock)
	case plugin.Out != t.Plugins[i].Out && plugin.OutLine > 0 && t.Plugins[i].OutLine > 0:
		p.errorf(t.Path, plugin.OutLine, "out is %s, that of %s is %s; give both the same, because emit=gogrpc imports its code from the package of the messages",
			plugin.Out, stock, t.Plugins[i].Out)
	}
}

// generates reports whether an entry writes the packages of services.
func generates(plugin bufproject.Plugin) bool {
	emits := plugin.Emits()
	return plugin.Name == ours && (slices.Contains(emits, "service") || slices.Contains(emits, "test"))
}

// checkPairs compares this plugin with protoc-gen-go in the same template.
func (p *patient) checkPairs() {
	for _, t := range p.Templates {
		i := slices.IndexFunc(t.Plugins, func(plugin bufproject.Plugin) bool { return plugin.Name == messages })
		for _, plugin := range t.Plugins {
			if _, elsewhere := plugin.Opt("import_path"); !generates(plugin) || elsewhere > 0 {
				continue
			}
			if i < 0 {
				p.warnf(t.Path, plugin.Line, "no entry of this file is %s, which generates the messages; add it with the same out, unless another command runs it", messages)
				continue
			}
			p.checkPair(t, t.Plugins[i], plugin)
		}
	}
}

// checkPair compares an entry of this plugin with that of protoc-gen-go.
func (p *patient) checkPair(t bufproject.Template, first, plugin bufproject.Plugin) {
	if plugin.Out != first.Out && plugin.OutLine > 0 && first.OutLine > 0 {
		p.errorf(t.Path, plugin.OutLine, "out is %s, that of %s is %s; give both the same, because the packages of services are below those of the messages",
			plugin.Out, messages, first.Out)
	}
	opts := func(plugin bufproject.Plugin, both bool) (opts []string) {
		for _, opt := range plugin.Opts {
			if p.decides(t, opt) == both && (both || strings.HasPrefix(opt.Name, "M") || strings.HasPrefix(opt.Name, "apilevelM")) {
				opts = append(opts, opt.Name+"="+opt.Value)
			}
		}
		return opts
	}
	if missing := without(opts(first, true), opts(plugin, true)); len(missing) > 0 {
		p.errorf(t.Path, plugin.Line, "opt lacks %s of %s; give both plugins the same", strings.Join(missing, ", "), messages)
	}
	if more := without(opts(plugin, true), opts(first, true)); len(more) > 0 {
		p.errorf(t.Path, first.Line, "opt lacks %s of %s; give both plugins the same", strings.Join(more, ", "), ours)
	}
	if missing := without(opts(first, false), opts(plugin, false)); len(missing) > 0 {
		p.warnf(t.Path, plugin.Line, "opt lacks %s of %s; give both plugins the same, unless no RPC uses messages of these files", strings.Join(missing, ", "), messages)
	}
}

// decides reports whether both plugins need a parameter: it decides about paths and packages of what
// a template generates. Parameters of other files may have no effect on a service.
func (p *patient) decides(t bufproject.Template, opt bufproject.Opt) bool {
	if opt.Name == "paths" || opt.Name == "module" || opt.Name == "default_api_level" {
		return true
	}
	file, ok := strings.CutPrefix(opt.Name, "M")
	return ok && slices.ContainsFunc(p.Protos, func(proto bufproject.Proto) bool {
		root, generated := p.Generates(t, proto)
		return generated && below(proto.Path, root) == file
	})
}

func without(all, these []string) (rest []string) {
	for _, s := range all {
		if !slices.Contains(these, s) {
			rest = append(rest, s)
		}
	}
	return rest
}

// checkTwice reports entries that write the same files.
func (p *patient) checkTwice() {
	for _, t := range p.Templates {
		seen := make(map[string]int)
		for _, plugin := range t.Plugins {
			if plugin.Name != ours {
				continue
			}
			for _, emit := range plugin.Emits() {
				key := emit + " " + plugin.Out
				if emit == "skeleton" || emit == "deploy" {
					dir, _ := plugin.Opt(emit + "_dir")
					key += " " + dir
				}
				if first := seen[key]; first > 0 {
					p.errorf(t.Path, plugin.Line, "emit=%s is also that of the entry in line %d, so buf gets each file twice; give each its own emit", emit, first)
					break
				}
				seen[key] = plugin.Line
			}
		}
	}
}

// checkClean reports a clean: true that would delete files that no plugin writes.
func (p *patient) checkClean() {
	for _, t := range p.Templates {
		if t.Clean == 0 {
			continue
		}
		for _, plugin := range t.Plugins {
			if plugin.Out == "." {
				p.errorf(t.Path, t.Clean, "clean: true deletes the contents of every out, and the out in line %d is the whole directory; "+
					"buf refuses that; remove clean, or move that entry into a file of its own, as in buf generate --template buf.gen.skeleton.yaml", plugin.OutLine)
				break
			}
			if own := p.handwritten(plugin); own != "" {
				p.errorf(t.Path, t.Clean, "clean: true deletes the contents of %s (line %d), and no plugin writes %s; move it, or remove clean", plugin.Out, plugin.OutLine, own)
				break
			}
		}
	}
}

// handwritten returns a file below the out of a plugin that no plugin has generated, or "".
func (p *patient) handwritten(plugin bufproject.Plugin) string {
	files := slices.Clone(p.Plain)
	for _, proto := range p.Protos {
		files = append(files, proto.Path)
	}
	for _, m := range p.Modules {
		files = append(files, m.File)
	}
	writesDocs := plugin.Name == ours && slices.Contains(plugin.Emits(), "docs")
	for _, file := range files {
		if !strings.HasPrefix(file, plugin.Out+"/") {
			continue
		}
		switch path.Ext(file) {
		case ".go":
			if !strings.HasSuffix(file, ".pb.go") && !strings.HasSuffix(file, ".connect.go") {
				return file
			}
		case ".md":
			if writesDocs {
				return file
			}
		case ".proto", ".mod":
			return file
		}
	}
	return ""
}

// checkInputs reports a template that also generates code for third-party protos.
func (p *patient) checkInputs() {
	for _, t := range p.Templates {
		if len(t.Inputs) > 0 || len(t.Plugins) == 0 {
			continue
		}
		for _, proto := range p.Protos {
			if isThirdParty(below(proto.Path, p.RootOf(proto.Path))) {
				const wrong = "without inputs, buf also generates code for %s, whose Go package exists; a program that links a proto twice panics when it starts; "
				if t.Version == "v2" {
					p.errorf(t.Path, t.PluginsLine, wrong+"add inputs: [{directory: %s}]", proto.Path, p.ownProtos())
				} else { // which has no inputs, so only the command line may name them
					p.warnf(t.Path, t.PluginsLine, wrong+"run buf generate %s", proto.Path, p.ownProtos())
				}
				break
			}
		}
	}
}

// ownProtos returns a directory of protos with services.
func (p *patient) ownProtos() string {
	for _, proto := range p.Protos {
		if root := p.RootOf(proto.Path); proto.HasServices && !strings.HasPrefix(root, "third_party") {
			return root
		}
	}
	return "proto"
}

// thirdParty are the protos of others whose Go packages exist.
var thirdParty = []string{"grpcservice", "google", "buf/validate"}

func isThirdParty(name string) bool {
	return slices.ContainsFunc(thirdParty, func(root string) bool { return strings.HasPrefix(name, root+"/") })
}

// checkManaged reports a managed mode that renames the Go packages of third-party protos.
func (p *patient) checkManaged() {
	for _, t := range p.Templates {
		if t.Managed.Line == 0 || t.Managed.Prefix == "" {
			continue
		}
		for _, root := range thirdParty {
			imported := p.imported(root)
			if imported == "" || coversGoPackages(t.Managed.Disabled, root) {
				continue
			}
			fix := "- {file_option: go_package, path: " + root + "}"
			p.errorf(t.Path, t.Managed.At, "managed mode gives %s the Go package %s, which nothing generates; add to managed.disable: %s",
				imported, path.Join(t.Managed.Prefix, path.Dir(imported)), fix)
		}
	}
}

// imported returns a proto below a directory that a proto of the repository imports, or "".
// protoc-gen-go knows those of google/protobuf under any name.
func (p *patient) imported(root string) string {
	for _, proto := range p.Protos {
		for _, name := range proto.Imports {
			if strings.HasPrefix(name, root+"/") && !strings.HasPrefix(name, "google/protobuf/") {
				return name
			}
		}
	}
	return ""
}

// coversGoPackages reports whether managed mode leaves the Go packages below a directory alone.
func coversGoPackages(disabled []string, root string) bool {
	return slices.ContainsFunc(disabled, func(at string) bool {
		known := map[string]string{"buf.build/googleapis/googleapis": "google", "buf.build/bufbuild/protovalidate": "buf/validate"}
		return at == "" || at == root || strings.HasPrefix(at, root+"/") || strings.HasPrefix(root, at+"/") || known[at] == root
	})
}

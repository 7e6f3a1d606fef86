package scaffold

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/bufproject"
	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

const (
	ourPlugin      = "protoc-gen-grpcservice"
	messagesPlugin = "protoc-gen-go"
	pluginCommand  = "github.com/grpcservice/grpcservice/cmd/" + ourPlugin
)

// addition is what a repository must add to generate services.
type addition struct {
	diffs    []string // for git apply
	commands []string // to run after that
	notes    []string // what a person must decide
}

// adopt prints what the repository in a directory must add: a diff to standard output, and the rest
// to standard error.
func adopt(env Env, dir string) int {
	project, err := bufproject.Read(env.Open, dir)
	if err != nil {
		fmt.Fprintf(env.Stderr, "init: %v; name a directory\n", err)
		return exitMisused
	}
	a, err := additionTo(project, env.Open(dir), env.Version)
	if err != nil {
		fmt.Fprintf(env.Stderr, "init: %v\n", err)
		return exitMisused
	}
	for _, diff := range a.diffs {
		fmt.Fprint(env.Stdout, diff)
	}
	for _, note := range a.notes {
		fmt.Fprintf(env.Stderr, "%s\n", note)
	}
	if len(a.commands) > 0 {
		fmt.Fprint(env.Stderr, "Then run:\n\n")
	}
	for _, command := range a.commands {
		fmt.Fprintf(env.Stderr, "    %s\n", command)
	}
	return exitDone
}

// additionTo decides what a repository must add.
func additionTo(p bufproject.Project, tree fs.FS, version string) (addition, error) {
	if len(p.Problems) > 0 {
		problem := p.Problems[0]
		at := problem.Path
		if problem.Line > 0 {
			at += fmt.Sprintf(":%d", problem.Line)
		}
		return addition{}, fmt.Errorf("%s: %s; correct it first", at, problem.Text)
	}
	if len(p.Protos) == 0 {
		return addition{}, fmt.Errorf("there are no protos here, and --module and --service are missing; for a new repository, run init %s", Usage)
	}
	if at := ours(p); at != "" {
		return addition{notes: []string{at + " already runs " + ourPlugin + ". Check it with: " + ourPlugin + " doctor"}}, nil
	}
	b := builder{Project: p, tree: tree, version: cmp.Or(version, "latest")}
	var err error
	switch i, j := templateOf(p); {
	case i >= 0:
		err = b.extendTemplate(p.Templates[i], j)
	case len(p.Templates) > 0:
		b.notef("%s does not run %s, so nothing generates the messages.", p.Templates[0].Path, messagesPlugin)
		err = b.newTemplate("buf.gen.go.yaml")
	case len(p.Protoc) > 0:
		err = b.extendScripts()
	default:
		if other := nested(p); other != "" {
			return addition{}, fmt.Errorf("%s is not here; run init in %s, where buf generate runs", other, path.Dir(other))
		}
		err = b.newTemplate("buf.gen.yaml")
	}
	return b.addition, err
}

// ours returns where this plugin already runs, or "".
func ours(p bufproject.Project) string {
	for _, t := range p.Templates {
		for _, entry := range t.Plugins {
			if entry.Name == ourPlugin {
				return fmt.Sprintf("%s:%d", t.Path, entry.Line)
			}
		}
	}
	for _, call := range p.Protoc {
		if call.Ours {
			return fmt.Sprintf("%s:%d", call.Path, call.Line)
		}
	}
	return ""
}

// templateOf returns the template that generates messages and its entry for them, or -1.
func templateOf(p bufproject.Project) (template, entry int) {
	for i, t := range p.Templates {
		j := slices.IndexFunc(t.Plugins, func(e bufproject.Plugin) bool { return e.Name == messagesPlugin })
		if j >= 0 {
			return i, j
		}
	}
	return -1, -1
}

// nested returns a buf.gen.yaml in a directory below, or "".
func nested(p bufproject.Project) string {
	for _, file := range p.Plain {
		if base := path.Base(file); base == "buf.gen.yaml" || base == "buf.gen.yml" {
			return file
		}
	}
	return ""
}

// builder collects an addition.
type builder struct {
	bufproject.Project
	addition
	tree    fs.FS
	version string
	remote  bool // whether a remote plugin generates the messages
}

func (b *builder) notef(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// extendTemplate adds an entry after that of protoc-gen-go.
func (b *builder) extendTemplate(t bufproject.Template, entry int) error {
	first := t.Plugins[entry]
	command := b.goTool(first.Out)
	lines := []string{"- local: " + command}
	if t.Version != "v2" {
		lines = []string{"- plugin: grpcservice", "  path: " + command}
	}
	lines = append(lines, "  out: "+first.Out)
	if opts := sharedOpts(first); len(opts) > 0 {
		lines = append(lines, "  opt: ["+strings.Join(opts, ", ")+"]")
	}
	lines = append(lines, "  strategy: all")
	if t.PluginsFlow {
		b.notef("%s:%d: the list of plugins is in brackets; write it with a line for each key, and add:\n\n    %s\n",
			t.Path, t.PluginsLine, strings.Join(lines, "\n    "))
	} else {
		for i, line := range lines {
			lines[i] = strings.Repeat(" ", max(first.Indent-2, 0)) + line
		}
		err := b.edit(t.Path, func(all []string, end string) []string {
			for i := range lines {
				lines[i] += end
			}
			return slices.Insert(all, first.End, lines...)
		})
		if err != nil {
			return err
		}
	}
	if t.Managed.Line > 0 && t.Managed.Prefix != "" && !slices.Contains(t.Managed.Disabled, "grpcservice") {
		b.notef("%s:%d: managed mode must leave the options alone before a proto imports them; add to its disable: - {file_option: go_package, path: grpcservice}", t.Path, t.Managed.Line)
	}
	b.remote = first.Remote != ""
	b.resolve(first.Out, "buf generate")
	return nil
}

// sharedOpts returns the parameters that this plugin needs as well.
func sharedOpts(first bufproject.Plugin) (opts []string) {
	for _, opt := range first.Opts {
		text := opt.Name
		if opt.Value != "" {
			text += "=" + opt.Value
		}
		if opt.Name != "plugins" { // of protoc-gen-go before 1.20
			opts = append(opts, text)
		}
	}
	return opts
}

// goTool returns the words that start this plugin, as YAML.
func (b *builder) goTool(out string) string {
	if _, here := b.ModuleAt("."); here || b.GoWork != "" {
		return "[go, tool, " + ourPlugin + "]"
	}
	if m, ok := b.ModuleAt(out); ok {
		return "[go, -C, " + m.Dir + ", tool, " + ourPlugin + "]"
	}
	return "[go, tool, " + ourPlugin + "]"
}

// extendScripts adds the plugin to the lines that run protoc.
func (b *builder) extendScripts() error {
	byFile := make(map[string][]bufproject.ProtocCall)
	for _, call := range b.Protoc {
		byFile[call.Path] = append(byFile[call.Path], call)
	}
	for _, file := range slices.Sorted(maps.Keys(byFile)) {
		err := b.edit(file, func(lines []string, _ string) []string {
			for _, call := range byFile[file] {
				lines[call.Line-1] = withOurs(lines[call.Line-1], call)
			}
			return lines
		})
		if err != nil {
			return err
		}
	}
	call := b.Protoc[0]
	b.notef("protoc finds plugins on PATH; GOBIN=\"$PWD/.bin\" go install tool builds those of go.mod.")
	b.resolve(path.Clean(call.Out), "")
	return nil
}

// formerOpt matches plugins=grpc, a parameter of protoc-gen-go before 1.20, and a separator.
var formerOpt = lazyregexp.New(`,plugins=[^,:\s]*|\bplugins=[^,:\s]*[,:]?`)

// withOurs returns a line that runs protoc with this plugin as well.
func withOurs(line string, call bufproject.ProtocCall) string {
	at := strings.Index(line, "--go_out")
	if at < 0 {
		return line
	}
	end := at + len("--go_out")
	end += strings.IndexFunc(line[end+1:]+" ", func(r rune) bool { return r == ' ' || r == '\t' || r == '\\' || r == '\r' }) + 1
	ours := strings.Replace(line[at:end], "--go_out", "--grpcservice_out", 1)
	ours = formerOpt.ReplaceAllString(ours, "")
	opt := formerOpt.ReplaceAllString(call.Opt, "")
	if opt != "" && !strings.Contains(ours, opt) {
		ours += " --grpcservice_opt=" + opt
	}
	return line[:end] + " " + ours + line[end:]
}

// newTemplate adds a template for a repository that has none, or none for Go.
func (b *builder) newTemplate(name string) error {
	root, out := b.layout()
	tool := b.goTool(out)
	text := "version: v2\ninputs:\n  - directory: " + root + "\nplugins:\n" +
		"  - local: " + strings.Replace(tool, ourPlugin, messagesPlugin, 1) + "\n    out: " + out + "\n    opt: paths=source_relative\n    strategy: all\n" +
		"  - local: " + tool + "\n    out: " + out + "\n    opt: paths=source_relative\n    strategy: all\n"
	b.newFile(name, text)
	if b.Workspace.Path == "" {
		b.newFile("buf.yaml", "version: v2\nmodules:\n  - path: "+root+"\nlint:\n  use:\n    - STANDARD\nbreaking:\n  use:\n    - FILE\n")
	}
	generate := "buf generate"
	if name != "buf.gen.yaml" {
		generate += " --template " + name
	}
	b.resolve(out, generate)
	return nil
}

// layout guesses the directory of the protos, and that of their code from a Go package.
func (b *builder) layout() (root, out string) {
	first := b.Protos[0]
	for _, proto := range b.Protos {
		if proto.HasServices && !first.HasServices {
			first = proto
		}
	}
	root, out = b.RootOf(first.Path), "gen"
	if dir, _, ok := strings.Cut(first.Path, "/"); root == "." && ok && b.Workspace.Path == "" {
		root = dir
	}
	below := path.Dir(strings.TrimPrefix(first.Path, root+"/"))
	here := b.ImportPath(".")
	if rest, inside := strings.CutPrefix(first.GoImport(), here+"/"); here != "" && inside {
		if prefix, matches := strings.CutSuffix(rest, "/"+below); matches {
			out = prefix
		}
	}
	return root, out
}

// resolve adds the commands that make the module of the generated code require the tools.
func (b *builder) resolve(out, generate string) {
	m, ok := b.ModuleAt(out)
	here, _ := b.ModuleAt(".")
	in := ""
	switch {
	case !ok:
		b.commands = append(b.commands, "go mod init example.com/your/module")
	case m.File != here.File:
		in = "-C " + m.Dir + " "
		b.notef("%s is in the module %s (%s), which gets the tools.", out, m.Path, m.File)
	}
	if ok && b.GoWork != "" && !slices.Contains(b.Used, m.Dir) {
		b.commands = append(b.commands, "go work use "+bufproject.Relative(m.Dir))
	}
	if tool, _ := m.ToolNamed(messagesPlugin); tool == "" && !b.remote {
		protobuf := "latest"
		if _, version := m.VersionOf("google.golang.org/protobuf"); version != "" {
			protobuf = version
		}
		b.commands = append(b.commands, "go "+in+"get -tool google.golang.org/protobuf/cmd/protoc-gen-go@"+protobuf)
	}
	b.commands = append(b.commands, "go "+in+"get -tool "+pluginCommand+"@"+b.version)
	if generate != "" {
		b.commands = append(b.commands, generate)
	}
	doctor := "go " + in + "tool " + ourPlugin + " doctor"
	if in != "" {
		doctor += " " + b.Back(m)
	}
	b.commands = append(b.commands, "go "+in+"mod tidy", doctor)
}

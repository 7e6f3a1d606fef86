package bufproject

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// Template is a buf.gen.yaml.
type Template struct {
	Path    string
	Text    string // with the line ends \n
	Version string // v2, v1 or v1beta1
	Clean   int    // the line of clean: true, or 0
	Managed Managed
	Inputs  []Input
	Plugins []Plugin
	// PluginsLine is the line of the key plugins, and PluginsFlow whether its list is in brackets.
	PluginsLine int
	PluginsFlow bool
}

// Managed are the settings of managed mode.
type Managed struct {
	Line     int      // of the key, or 0 unless it is enabled
	Prefix   string   // of Go packages, or ""
	At       int      // the line of the prefix
	Disabled []string // the paths for which it does not set Go packages; buf modules too
	Partial  []string // the paths for which an override of their own sets Go packages; buf modules too
}

// Overrides reports whether managed mode sets the Go package of a proto by an override of its own.
// The path of the proto is as in imports.
func (m Managed) Overrides(proto string) bool {
	return m.Line > 0 && slices.ContainsFunc(m.Partial, func(at string) bool {
		return within(proto, at) || strings.Contains(at, ".") && !strings.HasSuffix(at, ".proto") // a buf module
	})
}

// Input is an input of a template.
type Input struct {
	Kind            string // directory, module, git_repo, …
	Value           string
	Line            int
	Paths, Excluded []string // only these below it, and not these; empty for all
}

// Plugin is an entry of the list of plugins.
type Plugin struct {
	Line, End      int // its lines in the file
	Indent         int // of its keys
	Command        []string
	Remote         string // the remote plugin, or ""
	Name           string // such as protoc-gen-go, also of a remote plugin
	NameLine       int
	Out            string
	OutLine        int
	Opts           []Opt
	Strategy       string // as written; "" if it is not
	IncludeImports int    // its line if true, or 0
}

// Opt is a parameter of a plugin.
type Opt struct {
	Name, Value string
	Line        int
}

// Opt returns the value of a parameter, the last one if there are several.
func (p Plugin) Opt(name string) (value string, line int) {
	for _, opt := range p.Opts {
		if opt.Name == name {
			value, line = opt.Value, opt.Line
		}
	}
	return value, line
}

// Emits returns what the plugin grpcservice is to emit.
func (p Plugin) Emits() (emits []string) {
	for _, opt := range p.Opts {
		if opt.Name == "emit" {
			emits = append(emits, strings.Split(opt.Value, ";")...)
		}
	}
	if len(emits) == 0 {
		return []string{"service", "test"}
	}
	return emits
}

// Uses reports how the go command starts the plugin: tool for go tool, run for go run, or "" if it
// does not.
func (p Plugin) Uses() string {
	if len(p.Command) < 3 || path.Base(p.Command[0]) != "go" {
		return ""
	}
	for _, word := range p.Command[1:] {
		if word == "tool" || word == "run" {
			return word
		}
	}
	return ""
}

var yamlLine = lazyregexp.New(`line (\d+)`)

func (p *Project) addTemplate(name, text string) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		p.Problems = append(p.Problems, problemOf(name, err))
		return
	}
	t := Template{Path: name, Text: text}
	if len(doc.Content) > 0 {
		t.read(doc.Content[0])
	}
	p.Templates = append(p.Templates, t)
}

// problemOf returns the problem of a file that is not YAML.
func problemOf(name string, err error) Problem {
	problem := Problem{Path: name, Text: "it is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: "), Setting: true}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		problem.Line = number(m[1])
	}
	return problem
}

func number(digits string) (n int) {
	for _, r := range digits {
		n = n*10 + int(r-'0')
	}
	return n
}

func (t *Template) read(root *yaml.Node) {
	eachPair(root, func(key, value *yaml.Node) {
		switch key.Value {
		case "version":
			t.Version = value.Value
		case "clean":
			if value.Value == "true" {
				t.Clean = key.Line
			}
		case "managed":
			t.Managed.read(key.Line, value)
		case "inputs":
			for _, item := range value.Content {
				t.addInput(item)
			}
		case "plugins":
			t.PluginsLine, t.PluginsFlow = key.Line, value.Style&yaml.FlowStyle != 0
			for i, item := range value.Content {
				end := lastLine(item)
				if i+1 < len(value.Content) {
					end = min(end, value.Content[i+1].Line-1)
				}
				t.addPlugin(resolved(item), end)
			}
		}
	})
}

// lastLine returns the last line on which a value starts.
func lastLine(node *yaml.Node) int {
	last := node.Line
	for _, below := range node.Content {
		last = max(last, lastLine(below))
	}
	return last
}

func (m *Managed) read(line int, node *yaml.Node) {
	enabled := false
	eachPair(node, func(key, value *yaml.Node) {
		switch key.Value {
		case "enabled":
			enabled = value.Value == "true"
		case "disable":
			for _, item := range value.Content {
				m.addDisabled(item)
			}
		case "override":
			for _, item := range value.Content {
				m.addOverride(item)
			}
		case "go_package_prefix": // version v1
			m.addV1(value)
		}
	})
	if enabled {
		m.Line = line
	}
}

func (m *Managed) addDisabled(node *yaml.Node) {
	option, at := "", ""
	eachPair(node, func(key, value *yaml.Node) {
		switch key.Value {
		case "file_option":
			option = value.Value
		case "path", "module":
			at = value.Value
		}
	})
	if option == "" || option == "go_package" || option == "go_package_prefix" {
		m.Disabled = append(m.Disabled, at)
	}
}

func (m *Managed) addOverride(node *yaml.Node) {
	option, prefix, part := "", "", ""
	eachPair(node, func(key, value *yaml.Node) {
		switch key.Value {
		case "file_option":
			option = value.Value
		case "value":
			prefix = value.Value
		case "path", "module":
			part = value.Value
		}
	})
	switch {
	case option == "go_package_prefix" && part == "":
		m.Prefix, m.At = prefix, node.Line
	case option == "go_package_prefix", option == "go_package":
		m.Partial = append(m.Partial, cmp.Or(part, "."))
	}
}

func (m *Managed) addV1(node *yaml.Node) {
	eachPair(node, func(key, value *yaml.Node) {
		switch key.Value {
		case "default":
			m.Prefix, m.At = value.Value, value.Line
		case "except":
			for _, item := range value.Content {
				m.Disabled = append(m.Disabled, item.Value)
			}
		}
	})
}

func (t *Template) addInput(node *yaml.Node) {
	input := Input{}
	eachPair(node, func(key, value *yaml.Node) {
		switch key.Value {
		case "directory", "module", "git_repo", "proto_file", "tarball", "zip_archive", "binary_image", "json_image":
			input.Kind, input.Value, input.Line = key.Value, value.Value, key.Line
		case "paths":
			input.Paths = scalars(value)
		case "exclude_paths":
			input.Excluded = scalars(value)
		}
	})
	if input.Kind != "" {
		t.Inputs = append(t.Inputs, input)
	}
}

func (t *Template) addPlugin(node *yaml.Node, end int) {
	p := Plugin{Line: node.Line, End: end, Indent: node.Column - 1}
	v1 := ""
	eachPair(node, func(key, value *yaml.Node) {
		switch key.Value {
		case "local", "path": // path is that of version v1
			p.Command, p.NameLine = scalars(value), value.Line
		case "remote":
			p.Remote, p.NameLine = value.Value, value.Line
		case "protoc_builtin":
			p.Name, p.NameLine = "protoc:"+value.Value, value.Line
		case "plugin", "name":
			v1, p.NameLine = value.Value, value.Line
		case "out":
			p.Out, p.OutLine = path.Clean(strings.ReplaceAll(value.Value, `\`, "/")), value.Line
		case "opt":
			p.addOpts(value)
		case "strategy":
			p.Strategy = value.Value
		case "include_imports":
			if value.Value == "true" {
				p.IncludeImports = key.Line
			}
		}
	})
	switch {
	case strings.Contains(v1, "/"):
		p.Remote = v1
	case v1 != "" && len(p.Command) == 0:
		p.Command = []string{"protoc-gen-" + v1}
	case v1 != "":
		p.Name = "protoc-gen-" + v1
	}
	if p.Name == "" {
		p.Name = pluginName(p.Command, p.Remote)
	}
	t.Plugins = append(t.Plugins, p)
}

// pluginName returns the name of the program of a plugin.
func pluginName(command []string, remote string) string {
	if remote != "" { // buf.build/protocolbuffers/go:v1.36.12
		name, _, _ := strings.Cut(path.Base(remote), ":")
		if strings.HasPrefix(remote, "buf.build/grpc/") {
			name += "-grpc"
		}
		return "protoc-gen-" + name
	}
	for _, word := range slices.Backward(command) {
		word, _, _ = strings.Cut(path.Base(strings.ReplaceAll(word, "\\", "/")), "@")
		if word = strings.TrimSuffix(word, ".exe"); strings.HasPrefix(word, "protoc-gen-") {
			return word
		}
	}
	return ""
}

// addOpts adds parameters, which are a list, a text with commas, or both.
func (p *Plugin) addOpts(node *yaml.Node) {
	items := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		items = node.Content
	}
	for _, item := range items {
		item = resolved(item)
		for opt := range strings.SplitSeq(item.Value, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(opt), "=")
			if name != "" {
				p.Opts = append(p.Opts, Opt{name, value, item.Line})
			}
		}
	}
}

// scalars returns a text, or the texts of a list.
func scalars(node *yaml.Node) (texts []string) {
	if node.Kind == yaml.ScalarNode {
		return []string{node.Value}
	}
	for _, item := range node.Content {
		texts = append(texts, resolved(item).Value)
	}
	return texts
}

// eachPair calls f for each key of a mapping, also for those that a merge key << adds.
func eachPair(node *yaml.Node, f func(key, value *yaml.Node)) {
	eachPairBut(node, nil, 0, f)
}

// deepestMerge is how many mappings may be merged into each other.
const deepestMerge = 10

func eachPairBut(node *yaml.Node, but []string, depth int, f func(key, value *yaml.Node)) {
	node = resolved(node)
	if node.Kind != yaml.MappingNode || depth > deepestMerge {
		return
	}
	var own []string
	for i := 0; i+1 < len(node.Content); i += 2 {
		own = append(own, node.Content[i].Value)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolved(node.Content[i+1])
		switch {
		case key.Value == "<<":
			eachPairBut(value, slices.Concat(but, own), depth+1, f)
		case !slices.Contains(but, key.Value):
			f(key, value)
		}
	}
}

// resolved returns what an alias stands for.
func resolved(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode && node.Alias != nil {
		return node.Alias
	}
	return node
}

// Workspace is a buf.yaml, or a buf.work.yaml of version v1.
type Workspace struct {
	Path    string // "" if there is none
	Version string
	Modules []string // the directories of protos; "." if buf.yaml names none
	Deps    []string
}

func (p *Project) addWorkspace(name, text string) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		p.Problems = append(p.Problems, problemOf(name, err))
		return
	}
	w := Workspace{Path: name}
	if len(doc.Content) == 0 {
		return
	}
	eachPair(doc.Content[0], func(key, value *yaml.Node) {
		switch key.Value {
		case "version":
			w.Version = value.Value
		case "deps":
			w.Deps = scalars(value)
		case "directories": // buf.work.yaml
			w.Modules = scalars(value)
		case "modules":
			for _, item := range value.Content {
				eachPair(item, func(key, value *yaml.Node) {
					if key.Value == "path" {
						w.Modules = append(w.Modules, path.Clean(value.Value))
					}
				})
			}
		}
	})
	if len(w.Modules) == 0 {
		w.Modules = []string{"."}
	}
	if dir := path.Dir(name); dir != "." { // the settings of an input
		for _, module := range w.Modules {
			p.roots = append(p.roots, path.Join(dir, module))
		}
		return
	}
	if p.Workspace.Path == "" || name == "buf.work.yaml" || p.Workspace.Path != "buf.work.yaml" {
		p.Workspace = w
	}
}

package roles

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

const (
	// maxBytes is the maximum size of a file.
	maxBytes = 1 << 20
	// maxErrors is how many mistakes an error lists.
	maxErrors = 20
)

// parse compiles the content of a file. path is for errors.
func parse(path string, content []byte) (*rules, error) {
	d := &decoder{path: path}
	if len(content) > maxBytes {
		return nil, d.syntax(fmt.Errorf("the file has %d bytes; use at most %d", len(content), maxBytes))
	}
	root, err := document(content)
	if err != nil {
		return nil, d.syntax(err)
	}
	r := &rules{roles: make(map[string]*role), byID: make(map[string][]*binding)}
	d.file(root, r)
	if len(d.errs) > 0 {
		return nil, d.all()
	}
	return r, nil
}

// document returns the only document of a file.
func document(content []byte) (*yaml.Node, error) {
	reader := yaml.NewDecoder(bytes.NewReader(content))
	var first, second yaml.Node
	err := reader.Decode(&first)
	switch {
	case errors.Is(err, io.EOF) || err == nil && len(first.Content) == 0:
		return nil, errors.New(`the file is empty; want "version: v1", roles and bindings`)
	case err != nil:
		return nil, err
	}
	switch err := reader.Decode(&second); {
	case errors.Is(err, io.EOF):
		return first.Content[0], nil
	case err != nil:
		return nil, err
	}
	return nil, errors.New("the file has a second document; want exactly one")
}

// decoder reads the nodes of a file and collects mistakes.
type decoder struct {
	path string
	errs []error
}

func (d *decoder) prefix() string {
	if d.path == "" {
		return ""
	}
	return d.path + ":"
}

// fail adds a mistake at a node.
func (d *decoder) fail(at *yaml.Node, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	d.errs = append(d.errs, fmt.Errorf("%s%d:%d: %s", d.prefix(), at.Line, at.Column, text))
}

// syntax returns the error of a file that is not YAML.
func (d *decoder) syntax(err error) error {
	var load *yaml.LoadError
	if errors.As(err, &load) {
		return fmt.Errorf("%s%d:%d: %s", d.prefix(), load.Mark.Line, load.Mark.Column, load.Message)
	}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	return errors.New(strings.TrimSpace(d.prefix() + " " + text))
}

// all returns the mistakes as one error.
func (d *decoder) all() error {
	if more := len(d.errs) - maxErrors; more > 0 {
		d.errs = append(d.errs[:maxErrors], fmt.Errorf("and %d more", more))
	}
	return errors.Join(d.errs...)
}

func (d *decoder) file(root *yaml.Node, r *rules) {
	fields := d.mapping(root, "the file", "version", "roles", "bindings")
	if fields == nil {
		return
	}
	switch version := fields["version"]; {
	case version == nil:
		d.fail(root, `there is no version; want "version: v1"`)
	case version.Kind != yaml.ScalarNode || version.Value != "v1":
		d.fail(version, "version: %s is not supported; want v1", spell(version))
	}
	if roles := fields["roles"]; roles != nil {
		d.roles(roles, r)
	}
	if bindings := fields["bindings"]; bindings != nil {
		for _, node := range d.list(bindings, "bindings") {
			d.binding(node, r)
		}
	}
}

// roles reads the roles: a mapping from their names to lists of permissions.
func (d *decoder) roles(node *yaml.Node, r *rules) {
	if !d.is(node, yaml.MappingNode, "roles", "a mapping of names to lists of permissions") {
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, ok := d.text(node.Content[i], "the name of a role")
		if !ok {
			continue
		}
		if r.roles[name] != nil {
			d.fail(node.Content[i], "the role %s is defined twice; remove one of them", name)
			continue
		}
		made := &role{names: make(map[string]bool), prefixes: make(map[string]bool)}
		r.roles[name] = made
		for _, permission := range d.list(node.Content[i+1], name) {
			d.permission(permission, name, made)
		}
	}
}

// permission reads a permission of a role: "orders.get", "orders.*" or "*".
func (d *decoder) permission(node *yaml.Node, name string, made *role) {
	text, ok := d.text(node, "a permission of "+name)
	if !ok {
		return
	}
	prefix, isPrefix := strings.CutSuffix(text, "*")
	switch {
	case text == "*" && made.all, made.names[text], isPrefix && made.prefixes[prefix]:
		d.fail(node, "%s has the permission %q twice; remove one of them", name, text)
	case text == "*":
		made.all = true
	case isPrefix && isPermissionPrefix(prefix):
		made.prefixes[prefix] = true
	case isPermission(text):
		made.names[text] = true
	default:
		d.fail(node, `%q is not a permission; write it as in "orders.cancel", "orders.*" or "*"`, text)
	}
}

// isPermissionPrefix reports whether a text is the name of a permission and a separator.
func isPermissionPrefix(text string) bool {
	last := len(text) - 1
	return last > 0 && isSeparator(text[last]) && isPermission(text[:last])
}

// isPermission reports whether a text is the name of a permission, as options define it.
func isPermission(text string) bool {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == '.' || r == ':' || r == '/' })
	separators := len(text)
	for _, word := range words {
		separators -= len(word)
		if strings.ContainsFunc(word, isNotInWord) {
			return false
		}
	}
	return len(words) > 0 && separators == len(words)-1 &&
		!isSeparator(text[0]) && !isSeparator(text[len(text)-1])
}

// isNotInWord reports whether a word of the name of a permission cannot contain r.
func isNotInWord(r rune) bool {
	switch {
	case r == '-', r == '_', r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
		return false
	}
	return true
}

// binding reads a binding.
func (d *decoder) binding(node *yaml.Node, r *rules) {
	fields := d.mapping(node, "a binding", "role", "principals", "scopes", "resources")
	if fields == nil {
		return
	}
	b := &binding{}
	if at := fields["role"]; at == nil {
		d.fail(node, "the binding has no role; name one of roles")
	} else if name, ok := d.text(at, "role"); ok {
		if b.role = r.roles[name]; b.role == nil {
			d.fail(at, "there is no role %q; define it under roles", name)
		}
	}
	d.principals(fields["principals"], b)
	b.scopes = d.texts(fields["scopes"], "scopes")
	switch {
	case fields["principals"] == nil && fields["scopes"] == nil:
		d.fail(node, "the binding is for nobody; add principals or scopes, such as "+
			`principals: ["*"] for every authenticated caller`)
	case fields["resources"] == nil:
		d.fail(node, `the binding is for no resource; add resources, such as resources: ["**"] for all`)
	}
	d.resources(fields["resources"], b)
	if len(d.errs) == 0 {
		r.add(b)
	}
}

// add adds a binding.
func (r *rules) add(b *binding) {
	for _, id := range b.ids {
		r.byID[id] = append(r.byID[id], b)
	}
	if len(b.prefixes) > 0 || len(b.ids) == 0 {
		r.others = append(r.others, b)
	}
}

// principals reads the principals of a binding: IDs, or their beginnings with a star.
func (d *decoder) principals(node *yaml.Node, b *binding) {
	if node == nil {
		return
	}
	for i, text := range d.texts(node, "principals") {
		prefix, isPrefix := strings.CutSuffix(text, "*")
		switch {
		case strings.Contains(prefix, "*"):
			d.fail(node.Content[i], "%q has a star before its end; a star stands for the rest of an ID", text)
		case isPrefix:
			b.prefixes = append(b.prefixes, prefix)
		default:
			b.ids = append(b.ids, text)
		}
	}
}

// resources reads the patterns of a binding.
func (d *decoder) resources(node *yaml.Node, b *binding) {
	if node == nil {
		return
	}
	for i, text := range d.texts(node, "resources") {
		p, err := parsePattern(text)
		if err != nil {
			d.fail(node.Content[min(i, len(node.Content)-1)], "%s", err)
			continue
		}
		b.patterns = append(b.patterns, p)
	}
}

// texts reads a list of strings, none twice.
func (d *decoder) texts(node *yaml.Node, field string) (texts []string) {
	if node == nil {
		return nil
	}
	seen := make(map[string]bool)
	for _, element := range d.list(node, field) {
		text, ok := d.text(element, "an element of "+field)
		switch {
		case !ok:
		case seen[text]:
			d.fail(element, "%q is listed twice in %s; remove one of them", text, field)
		default:
			seen[text] = true
		}
		texts = append(texts, text) // even a wrong one, so that indexes are those of the nodes
	}
	return texts
}

// text reads a string that is not empty.
func (d *decoder) text(node *yaml.Node, field string) (string, bool) {
	if !d.is(node, yaml.ScalarNode, field, "a string") {
		return "", false
	}
	if node.ShortTag() != "!!str" || node.Value == "" {
		d.fail(node, "%s: %s is not a string; put it in quotes", field, spell(node))
		return "", false
	}
	return node.Value, true
}

// list reads a list that is not empty.
func (d *decoder) list(node *yaml.Node, field string) []*yaml.Node {
	if !d.is(node, yaml.SequenceNode, field, "a list") {
		return nil
	}
	if len(node.Content) == 0 {
		d.fail(node, "%s: the list is empty; add an element, or remove %s", field, field)
	}
	return node.Content
}

// mapping returns the values of a mapping by their keys; nil if it is none.
func (d *decoder) mapping(node *yaml.Node, what string, names ...string) map[string]*yaml.Node {
	if !d.is(node, yaml.MappingNode, what, "a mapping with "+strings.Join(names, ", ")) {
		return nil
	}
	fields := make(map[string]*yaml.Node)
	for i := 0; i+1 < len(node.Content); i += 2 {
		switch key := node.Content[i]; {
		case key.Kind != yaml.ScalarNode || !slices.Contains(names, key.Value):
			d.fail(key, "there is no field %s; want one of %s", spell(key), strings.Join(names, ", "))
		case fields[key.Value] != nil:
			d.fail(key, "%s is set twice; remove one of them", key.Value)
		default:
			fields[key.Value] = node.Content[i+1]
		}
	}
	return fields
}

// is reports whether a node is of a kind and has no anchor, and reports a mistake if not.
func (d *decoder) is(node *yaml.Node, kind yaml.Kind, field, want string) bool {
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		d.fail(node, "%s: anchors and aliases are not supported; write out the value", field)
	case node.Kind != kind || node.ShortTag() == "!!null":
		d.fail(node, "%s is %s; want %s", field, spell(node), want)
	default:
		return true
	}
	return false
}

// spell describes a node.
func spell(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "a mapping"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.Kind == yaml.AliasNode:
		return "an alias"
	case node.ShortTag() == "!!null", node.Value == "":
		return "empty"
	}
	return fmt.Sprintf("%.60q", node.Value)
}

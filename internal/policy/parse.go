package policy

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// fileFields are the fields of a policy file.
var fileFields = []string{"version", "complete", "rules"}

// Parse parses a policy file. [File.Problems] returns what is wrong with it.
func Parse(path string, content []byte) *File {
	f := &File{path: path}
	d := &decoder{report: f.problems.Errorf, path: path}
	root, err := parseYAML(content)
	if err != nil {
		f.reportSyntax(err)
		return f
	}
	if root == nil {
		f.problems.Errorf(diag.At(path), `the file is empty; want "version: v1" and rules`)
		return f
	}
	f.read(d, root)
	f.check()
	return f
}

// read reads the top-level fields of the file.
func (f *File) read(d *decoder, root *yaml.Node) {
	hasVersion := false
	d.pairs(root, "", fileFields, func(name string, _ diag.Position, value *yaml.Node) {
		switch name {
		case "version":
			hasVersion = true
			f.checkVersion(d, value)
		case "complete":
			f.complete = d.boolean(value, name)
		case "rules":
			d.sequence(value, name, func(element *yaml.Node, field string) { f.readRule(d, element, field) })
		}
	})
	if root.Kind == yaml.MappingNode && !hasVersion {
		f.problems.Errorf(d.placeOf(root), `there is no version; want "version: v1"`)
	}
}

// parseYAML returns the only document of a file, or nil if it has none.
func parseYAML(content []byte) (*yaml.Node, error) {
	reader := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	switch err := reader.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	case len(document.Content) == 0:
		return nil, nil
	}
	switch err := reader.Decode(&second); {
	case errors.Is(err, io.EOF):
		return document.Content[0], nil
	case err != nil:
		return nil, err
	default:
		return nil, errors.New("it has a second document; want exactly one")
	}
}

func (f *File) checkVersion(d *decoder, node *yaml.Node) {
	if node.Kind != yaml.ScalarNode || node.Value != "v1" {
		f.problems.Errorf(d.placeOf(node), "version: %s is not supported by this plugin; want v1", spell(node))
	}
}

func (d *decoder) boolean(node *yaml.Node, field string) bool {
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!bool" {
		d.report(d.placeOf(node), "%s: %s is not a boolean; want true or false", field, spell(node))
		return false
	}
	return node.Value == "true"
}

// reportSyntax reports an error of the YAML parser.
func (f *File) reportSyntax(err error) {
	place, text := diag.At(f.path), strings.TrimPrefix(err.Error(), "yaml: ")
	if syntax := (*yaml.LoadError)(nil); errors.As(err, &syntax) {
		place.Line, place.Column = syntax.Mark.Line, syntax.Mark.Column
		text = syntax.Message
	}
	f.problems.Errorf(place, "it cannot be read as YAML: %s", text)
}

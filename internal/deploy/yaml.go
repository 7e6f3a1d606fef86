package deploy

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// manifest is a YAML file: an object, the comment above it, and the comments above some of its
// fields. In a file of several objects, each has a manifest, and one without an object is the comment
// above all of them.
type manifest struct {
	file   string
	head   string
	object any
	notes  notes
}

// notes maps the path of a field, as in "spec.ports[0].name", to the comment above it.
type notes map[string]string

// lineWidth is the maximum line length of comments.
const lineWidth = 110

// encode returns the manifest as YAML.
func (m manifest) encode() ([]byte, error) {
	head := []byte(comment(m.head, lineWidth) + "\n")
	if m.head == "" {
		head = nil
	}
	if m.object == nil {
		return head, nil
	}
	plain, err := yaml.Dump(m.object)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.file, err)
	}
	var doc yaml.Node
	if err := yaml.Load(plain, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", m.file, err)
	}
	unplaced := len(m.notes)
	annotate(doc.Content[0], "", 0, func(path string, key *yaml.Node, indent int) {
		if note, ok := m.notes[path]; ok {
			key.HeadComment = comment(note, lineWidth-indent)
			unplaced--
		}
	})
	if unplaced != 0 {
		return nil, fmt.Errorf("%s: some of the notes %q belong to no field", m.file, m.notes)
	}
	content, err := yaml.Dump(&doc, yaml.WithV4Defaults(), yaml.WithLineWidth(-1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.file, err)
	}
	return append(head, content...), nil
}

// annotate visits all fields and elements below node.
func annotate(node *yaml.Node, path string, indent int, visit func(path string, key *yaml.Node, indent int)) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			at := strings.TrimPrefix(path+"."+node.Content[i].Value, ".")
			visit(at, node.Content[i], indent)
			annotate(node.Content[i+1], at, indent+2, visit)
		}
	case yaml.SequenceNode:
		for i, element := range node.Content {
			at := fmt.Sprintf("%s[%d]", path, i)
			visit(at, element, indent)
			annotate(element, at, indent, visit)
		}
	}
}

// comment wraps text into comment lines. Every line starts with the comment sign, whatever text
// contains.
func comment(text string, width int) string {
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := "#"
		for _, word := range strings.Fields(paragraph) {
			if len(line) > 1 && len(line)+1+len(word) > width {
				lines, line = append(lines, line), "#"
			}
			line += " " + word
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// numbers formats numbers separated by colons.
func numbers(n ...int) string {
	var text []string
	for _, n := range n {
		text = append(text, strconv.Itoa(n))
	}
	return strings.Join(text, ":")
}

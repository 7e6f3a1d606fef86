package deploy

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// field returns the value at a path of field names below node, or nil.
func field(node *yaml.Node, path ...string) *yaml.Node {
	node = resolve(node)
	for _, name := range path {
		if node == nil || node.Kind != yaml.MappingNode {
			return nil
		}
		var next *yaml.Node
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == name {
				next = node.Content[i+1]
			}
		}
		node = resolve(next)
	}
	return node
}

// resolve returns the node that an alias refers to.
func resolve(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// value returns the text of a scalar, the comma-separated texts of a list, or "".
func value(node *yaml.Node) string {
	if node = resolve(node); node == nil {
		return ""
	}
	if node.Kind != yaml.SequenceNode {
		return node.Value
	}
	var texts []string
	for _, element := range node.Content {
		texts = append(texts, resolve(element).Value)
	}
	return strings.Join(texts, ",")
}

// nameOf returns the name of an object.
func nameOf(node *yaml.Node) string { return value(field(node, "name")) }

// namedNodes are the elements of a list by name, in order.
type namedNodes struct {
	names []string
	nodes map[string]*yaml.Node
}

// named returns the elements of a list that have a name; of several with one name, the first.
func named(list *yaml.Node, name func(*yaml.Node) string) namedNodes {
	n := namedNodes{nodes: make(map[string]*yaml.Node)}
	if list == nil || list.Kind != yaml.SequenceNode {
		return n
	}
	for _, element := range list.Content {
		if key := name(element); key != "" && n.nodes[key] == nil {
			n.names = append(n.names, key)
			n.nodes[key] = element
		}
	}
	return n
}

// methodOf converts the path of an RPC to its full name: "/library.v1.BookService/GetBook" to
// "library.v1.BookService.GetBook".
func methodOf(path string) string { return strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", ".") }

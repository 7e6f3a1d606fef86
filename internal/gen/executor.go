package gen

import (
	"bytes"
	"maps"
	"text/template"
	"text/template/parse"
)

// executor executes templates with the same functions.
type executor struct {
	templates *Templates
	functions template.FuncMap
	set       *template.Template // the templates executed so far, and those that they call
	program   *program           // nil unless all templates are built in
}

func (t *Templates) executor(functions template.FuncMap) *executor {
	e := &executor{templates: t}
	patterns := patternTemplates{e}
	e.functions = template.FuncMap{"arguments": patterns.arguments, "stub": patterns.stub}
	maps.Copy(e.functions, functions)
	if t.areOurs {
		e.program = newProgram(t.tree, e.functions)
	}
	return e
}

// execute returns the output of a template.
func (e *executor) execute(name string, data any) ([]byte, error) {
	if e.program != nil {
		if out, ok := e.program.execute(name, data); ok {
			return out, nil
		}
	}
	if e.set == nil {
		e.set = template.New("").Funcs(e.functions)
	}
	if err := e.add(name); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := e.set.ExecuteTemplate(&text, name, data); err != nil {
		return nil, execError(err)
	}
	return text.Bytes(), nil
}

// add adds a template and all that it calls to the set.
func (e *executor) add(name string) error {
	if e.set.Lookup(name) != nil {
		return nil
	}
	tree, err := e.templates.tree(name)
	if tree == nil {
		return err // executing it reports that it does not exist
	}
	if _, err := e.set.AddParseTree(name, tree); err != nil {
		return err
	}
	for _, called := range callsIn(nil, tree.Root) {
		if err := e.add(called); err != nil {
			return err
		}
	}
	return nil
}

// callsIn appends the names of the templates that list and the lists nested in it call.
func callsIn(names []string, list *parse.ListNode) []string {
	if list == nil {
		return names
	}
	branch := func(b *parse.BranchNode) { names = callsIn(callsIn(names, b.List), b.ElseList) }
	for _, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.TemplateNode:
			names = append(names, n.Name)
		case *parse.IfNode:
			branch(&n.BranchNode)
		case *parse.WithNode:
			branch(&n.BranchNode)
		case *parse.RangeNode:
			branch(&n.BranchNode)
		}
	}
	return names
}

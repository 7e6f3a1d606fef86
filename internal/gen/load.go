package gen

import "text/template/parse"

// LoadTemplates returns the templates of a run. Its error lists all problems of the user's
// templates, one per line, each starting with its position. It reports syntax errors, and fields,
// functions and templates that do not exist, even in branches that a run may never execute.
//
// Without a user's template it parses nothing: tests check the built-in templates.
func LoadTemplates(user ...UserTemplate) (*Templates, error) {
	if len(user) == 0 {
		return &Templates{trees: make(map[string]*parse.Tree), areOurs: true}, nil
	}
	l, err := load(user)
	if err != nil {
		return nil, err
	}
	return &Templates{trees: l.trees}, nil
}

// load parses and checks all templates.
func load(user []UserTemplate) (loader, error) {
	l := loader{trees: make(map[string]*parse.Tree), definedIn: make(map[string]source)}
	for _, u := range user {
		l.addUser(u)
	}
	if err := l.problems.Err(); err != nil {
		return l, err
	}
	for _, name := range TemplateNames() {
		if !l.isReplaced(name) {
			l.add(name, source{path: name}, ours(name))
		}
	}
	l.problems.Add(l.check()...)
	return l, l.problems.Err()
}

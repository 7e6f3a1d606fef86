package gen

import "text/template"

// LoadTemplates returns the templates of a run. Its error lists all problems of the user's
// templates, one per line, each starting with its position. It reports syntax errors, and fields,
// functions and templates that do not exist, even in branches that a run may never execute.
func LoadTemplates(user ...UserTemplate) (*Templates, error) {
	l := loader{set: template.New(""), definedIn: make(map[string]source)}
	for _, u := range user {
		l.addUser(u)
	}
	if err := l.problems.Err(); err != nil {
		return nil, err
	}
	for _, name := range TemplateNames() {
		if !l.isReplaced(name) {
			l.add(name, source{path: name}, ours(name))
		}
	}
	if len(user) > 0 {
		l.problems.Add(l.check()...)
	}
	if err := l.problems.Err(); err != nil {
		return nil, err
	}
	return &Templates{set: l.set}, nil
}

package plugin

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/gen"
	"github.com/grpcservice/grpcservice/internal/lazyregexp"
	"github.com/grpcservice/grpcservice/internal/workspace"
)

// directoryPath matches the path of a directory below the working directory. No element starts with
// a dot.
var directoryPath = lazyregexp.New(`^[^./\\:\s[:cntrl:]][^/\\:[:cntrl:]]*(/[^./\\:\s[:cntrl:]][^/\\:[:cntrl:]]*)*$`)

// loadTemplates returns the built-in templates. If dir is not empty, the user's templates in it
// replace those of the same names.
func loadTemplates(env Env, dir string) (*gen.Templates, error) {
	if dir == "" {
		return gen.LoadTemplates()
	}
	fail := func(what any) (*gen.Templates, error) {
		return nil, fmt.Errorf("parameter templates=%q: %v; want the path of a directory of templates, relative to the directory in which buf or protoc runs", dir, what)
	}
	if env.Tree == nil {
		return fail("the directory in which buf or protoc runs is unknown")
	}
	if _, err := fs.Stat(env.Tree, path.Join(env.Dir, dir)); err != nil {
		return fail(err)
	}
	files, err := workspace.Workspace{Tree: env.Tree, Dir: env.Dir}.Files(dir, ".tmpl")
	if err != nil {
		return fail(err)
	}
	if len(files) == 0 {
		return fail("it has no file that ends in .go.tmpl")
	}
	var user []gen.UserTemplate
	for _, name := range slices.Sorted(maps.Keys(files)) {
		user = append(user, gen.UserTemplate{Path: path.Join(dir, name), Text: string(files[name])})
	}
	return gen.LoadTemplates(user...)
}

// printTemplate prints a built-in template as a starting point for a user's, and returns the exit
// code.
func printTemplate(env Env, template string) int {
	text, found := gen.CopyOf(template)
	if !found {
		fmt.Fprintf(env.Stderr, "%s: template %q does not exist; want one of %s\n", name, template, strings.Join(gen.TemplateNames(), ", "))
		return exitMisused
	}
	fmt.Fprint(env.Stdout, text)
	return exitAnswered
}

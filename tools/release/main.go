// Release tags the modules of this repository with one version:
//
//	go run ./release [-n] VERSION
//
// The root module and those below runtime that users import get the same version. A nested module
// requires the others at that version: Release writes it into their go.mod files, commits them, and
// makes a tag for each module, such as v0.3.0 and runtime/jwtauth/v0.3.0. It pushes nothing. The
// replace directives stay, because Go ignores them in the builds of others. With -n, it prints what
// it would do. The test of this package serves the result through a module proxy of files.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	dryRun := flag.Bool("n", false, "print what would be done")
	flag.Parse()
	if err := run(flag.Args(), *dryRun); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string, dryRun bool) error {
	if len(args) != 1 {
		return errors.New("want one argument, the version, such as v0.3.0")
	}
	repo, err := findRepository(".")
	if err != nil {
		return err
	}
	if err := repo.check(args[0]); err != nil {
		return err
	}
	modules, err := repo.modules()
	if err != nil {
		return err
	}
	if dryRun {
		return preview(modules, args[0])
	}
	return repo.release(modules, args[0])
}

// preview prints what a release would do.
func preview(modules []module, version string) error {
	for _, m := range modules {
		if _, err := m.goMod(modules, version); err != nil {
			return err
		}
		fmt.Printf("git tag %s  # %s\n", m.tag(version), m.path)
	}
	return nil
}

package plugin

import (
	"fmt"
	"strings"
)

// arguments returns the table of command-line arguments. buf and protoc pass none.
func arguments() []argument {
	return []argument{{
		name: "--version", help: "print the version",
		run: func(env Env, _ string) int {
			fmt.Fprintf(env.Stdout, "%s %s\n", name, version())
			return exitAnswered
		},
	}, {
		name: "--help", help: "print this text",
		run: func(env Env, _ string) int {
			fmt.Fprint(env.Stdout, manual(arguments(), env.Commands))
			return exitAnswered
		},
	}, {
		name: "--export", value: "DIR", help: "write grpcservice/v1/options.proto, which protos import, below DIR",
		run: func(env Env, dir string) int {
			if err := export(env, dir); err != nil {
				fmt.Fprintf(env.Stderr, "%s: --export: %v\n", name, err)
				return exitNoAnswer
			}
			return exitAnswered
		},
	}, {
		name: "--template", value: "NAME",
		help: "print a template, to edit in the directory of the parameter templates",
		run:  printTemplate,
	}}
}

// runArgs executes the command-line arguments and returns the exit code.
func runArgs(env Env) int {
	var usages []string
	for _, c := range env.Commands {
		if env.Args[0] == c.Name {
			return c.Run(env.Args[1:])
		}
		usages = append(usages, c.Name)
	}
	for _, a := range arguments() {
		usages = append(usages, a.usage())
		switch {
		case env.Args[0] != a.name:
		case a.value == "" && len(env.Args) == 1:
			return a.run(env, "")
		case a.value != "" && len(env.Args) == 2 && env.Args[1] != "":
			return a.run(env, env.Args[1])
		}
	}
	want := "want " + strings.Join(usages, ", ") + " or no argument"
	if len(env.Args) > 1 {
		fmt.Fprintf(env.Stderr, "%s: unknown arguments %q; %s\n", name, env.Args, want)
	} else {
		fmt.Fprintf(env.Stderr, "%s: unknown argument %q; %s\n", name, env.Args[0], want)
	}
	return exitMisused
}

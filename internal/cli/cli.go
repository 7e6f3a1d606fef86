// Package cli parses the arguments of the commands that take a directory: [DIR] and flags.
package cli

import (
	"flag"
	"fmt"
	"io"
)

// Parse parses arguments and returns DIR, by default the working directory. DIR may be before,
// between or after the flags. It returns flag.ErrHelp for --help.
func Parse(flags *flag.FlagSet, args []string) (dir string, err error) {
	flags.SetOutput(io.Discard)
	var dirs []string
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return "", err
		}
		if args = flags.Args(); len(args) > 0 {
			dirs, args = append(dirs, args[0]), args[1:]
		}
	}
	switch len(dirs) {
	case 0:
		return ".", nil
	case 1:
		return dirs[0], nil
	}
	return "", fmt.Errorf("%d directories %q; name one", len(dirs), dirs)
}

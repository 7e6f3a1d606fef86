package migrate

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"

	"github.com/grpcservice/grpcservice/internal/cli"
	"github.com/grpcservice/grpcservice/internal/diff"
)

// Usage is the arguments of the command.
const Usage = "[DIR] [--write]"

const help = `protoc-gen-grpcservice migrate ` + Usage + `

Moves the Go files below DIR, by default the working directory, from protoc-gen-go-grpc to
grpcservice: services are registered through server.On with server.Compatible, so callers see no
difference. It prints a diff, and then what remains for you, with positions. With --write it changes
the files, each as a whole; if one is read-only, or there is no room for its new text, it changes
none.

The exit code is 0, 1 if a file cannot be read or written, and 2 if the arguments are wrong.
`

// Env is the environment of the command.
type Env struct {
	Args   []string // after the word migrate
	Stdout io.Writer
	Stderr io.Writer
}

// Exit codes of [Run].
const (
	exitDone    = 0
	exitFailed  = 1
	exitMisused = 2
)

// Run prints what to change, or changes it, and returns the exit code.
func Run(env Env) int {
	flags := flag.NewFlagSet("migrate", flag.ContinueOnError)
	write := flags.Bool("write", false, "")
	dir, err := cli.Parse(flags, env.Args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(env.Stdout, help)
		return exitDone
	}
	if err != nil {
		fmt.Fprintf(env.Stderr, "migrate: %v; want %s\n", err, Usage)
		return exitMisused
	}
	files, notes, err := readFiles(dir)
	if err != nil {
		fmt.Fprintf(env.Stderr, "migrate: %v\n", err)
		return exitFailed
	}
	var changed []file
	pkgs := packagesOf(dir)
	for _, f := range files {
		own := pkgs.at(filepath.Join(dir, filepath.FromSlash(path.Dir(f.path))))
		after, found := move(f, pkgs, own)
		notes = append(notes, found...)
		if after != f.text {
			fmt.Fprint(env.Stdout, diff.Unified(f.path, f.text, after))
			changed = append(changed, file{f.path, after})
		}
	}
	slices.SortStableFunc(notes, func(a, b note) int {
		return cmp.Or(cmp.Compare(a.at.Filename, b.at.Filename), cmp.Compare(a.at.Offset, b.at.Offset))
	})
	for _, n := range notes {
		fmt.Fprintln(env.Stdout, n)
	}
	if !*write {
		fmt.Fprintln(env.Stdout, summary(len(changed), len(notes)))
		return exitDone
	}
	if n, err := replaceAll(dir, changed); err != nil {
		fmt.Fprintf(env.Stderr, "migrate: %v; %d of %d files were written\n", err, n, len(changed))
		return exitFailed
	}
	if len(changed) > 0 {
		fmt.Fprintln(env.Stdout, "next: go get github.com/grpcservice/grpcservice && go build ./...")
	}
	return exitDone
}

// summary is the last line of a run that writes nothing.
func summary(files, notes int) string {
	switch {
	case files == 1:
		return "one file would change; to change it, add --write"
	case files > 1:
		return fmt.Sprintf("%d files would change; to change them, add --write", files)
	case notes > 0:
		return "nothing can be changed for you"
	}
	return "nothing to move: no file registers a service with a grpc.NewServer of its own function"
}

package doctor

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/grpcservice/grpcservice/internal/bufproject"
	"github.com/grpcservice/grpcservice/internal/cli"
)

// Usage is the arguments of the command.
const Usage = "[DIR] [--strict]"

const help = `protoc-gen-grpcservice doctor ` + Usage + `

Checks DIR, the directory in which buf generate runs, by default the working directory: that the
versions of buf, the plugins, the runtime and the generated code fit together, and the settings of
the plugins. It changes nothing, and runs buf and plugins on PATH only with --version.

The exit code is 0 without errors, 1 if there is an error, with --strict also if there is a warning,
and 2 if the arguments are wrong or DIR cannot be read.
`

// Env is the environment of the command.
type Env struct {
	Args   []string // after the word doctor
	Stdout io.Writer
	Stderr io.Writer

	// Open returns the files below a directory. The default is those of the disk.
	Open func(dir string) fs.FS
	// Program returns the first line that a program prints. The default runs it.
	Program func(dir, name string, args ...string) (string, error)
}

// Exit codes of [Run].
const (
	exitSound   = 0
	exitErrors  = 1
	exitMisused = 2
)

// Run checks a repository, prints its findings and returns the exit code.
func Run(env Env) int {
	if env.Open == nil {
		env.Open = os.DirFS
	}
	if env.Program == nil {
		env.Program = program
	}
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	strict := flags.Bool("strict", false, "")
	dir, err := cli.Parse(flags, env.Args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(env.Stdout, help)
		return exitSound
	}
	if err != nil {
		fmt.Fprintf(env.Stderr, "doctor: %v; want %s\n", err, Usage)
		return exitMisused
	}
	project, err := bufproject.Read(env.Open, dir)
	if err != nil {
		fmt.Fprintf(env.Stderr, "doctor: %v; name a directory\n", err)
		return exitMisused
	}
	p := &patient{Project: project, program: func(name string, args ...string) (string, error) {
		return env.Program(dir, name, args...)
	}}
	return report(env.Stdout, p.examine(), *strict)
}

// report prints findings and returns the exit code.
func report(w io.Writer, findings []finding, strict bool) int {
	errors, warnings := 0, 0
	for _, f := range findings {
		fmt.Fprintln(w, f)
		if f.severity == isError {
			errors++
		} else {
			warnings++
		}
	}
	switch {
	case errors > 0, strict && warnings > 0:
		fmt.Fprintf(w, "\n%s, %s\n", count(errors, "error"), count(warnings, "warning"))
		return exitErrors
	case warnings > 0:
		fmt.Fprintf(w, "\nno error, %s\n", count(warnings, "warning"))
	default:
		fmt.Fprintln(w, "no findings")
	}
	return exitSound
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// programTime is how long a program may take to print its version: go tool may have to build it.
const programTime = 5 * time.Minute

// program runs a program in a directory and returns the first line that it prints.
func program(dir, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), programTime)
	defer cancel()
	if strings.ContainsAny(name, `/\`) && !filepath.IsAbs(name) {
		name = filepath.Join(dir, name) // .bin/buf
		if abs, err := filepath.Abs(name); err == nil {
			name = abs
		}
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return strings.TrimSpace(line), err
}

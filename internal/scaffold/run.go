package scaffold

import (
	"bytes"
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

	"github.com/grpcservice/grpcservice/internal/cli"
)

// Usage is the arguments of the command.
const Usage = "[DIR] --module PATH --service NAME [--postgres] [--deploy]"

// Env is the environment of the command.
type Env struct {
	Args    []string // after the word init
	Stdout  io.Writer
	Stderr  io.Writer
	Version string // of grpcservice, which the repository requires; "" for the latest

	// Open returns the files below a directory. The default is those of the disk.
	Open func(dir string) fs.FS
}

// Exit codes of [Run].
const (
	exitDone    = 0
	exitFailed  = 1
	exitMisused = 2
)

// Run writes a repository, or says what the one in a directory must add, and returns the exit
// code.
func Run(ctx context.Context, env Env) int {
	if env.Open == nil {
		env.Open = os.DirFS
	}
	o, err := parse(env.Args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(env.Stdout, help)
		return exitDone
	}
	if err != nil {
		fmt.Fprintf(env.Stderr, "init: %v\n", err)
		return exitMisused
	}
	if o.adopts() {
		return adopt(env, o.dir)
	}
	n, err := namesOf(o.module, o.service)
	if err != nil {
		fmt.Fprintf(env.Stderr, "init: %v\n", err)
		return exitMisused
	}
	repo := repository{names: n, Version: env.Version, Postgres: o.postgres, Deploy: o.deploy}
	if err := create(ctx, env, o.dir, repo); err != nil {
		fmt.Fprintf(env.Stderr, "init: %v\n", err)
		return exitFailed
	}
	return exitDone
}

const help = `protoc-gen-grpcservice init ` + Usage + `

Writes the repository of a service into DIR, by default the working directory: proto, settings of
buf, go.mod, code, tests, Makefile, CI and Dockerfile. It overwrites no file. It needs the go command.

    --module PATH    the module, such as example.com/library
    --service NAME   the service, such as library.v1.BookService
    --postgres       keep the items in PostgreSQL instead of memory
    --deploy         add manifests for Kubernetes, Istio, the Gateway API and Prometheus

Without --module and --service, it looks at the protos in DIR and at what generates code from them,
prints what to add as a diff that git apply takes, and writes nothing.
`

// options are the arguments of the command.
type options struct {
	dir, module, service string
	postgres, deploy     bool
}

// adopts reports whether a directory is only looked at.
func (o options) adopts() bool {
	return o == options{dir: o.dir}
}

// parse parses the arguments.
func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("init", flag.ContinueOnError)
	flags.StringVar(&o.module, "module", "", "")
	flags.StringVar(&o.service, "service", "", "")
	flags.BoolVar(&o.postgres, "postgres", false, "")
	flags.BoolVar(&o.deploy, "deploy", false, "")
	dir, err := cli.Parse(flags, args)
	if err != nil {
		return o, fmt.Errorf("%w; want %s", err, Usage)
	}
	o.dir = dir
	return o, nil
}

// create makes a repository in a temporary directory and copies it to dir.
func create(ctx context.Context, env Env, dir string, repo repository) error {
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("it needs the go command: %w; install Go from https://go.dev/dl", err)
	}
	// Most of what can be in the way is known before the go command runs.
	var first []string
	for _, source := range append(repo.sources(), source{path: "go.sum"}) {
		first = append(first, source.path)
	}
	if err := checkFree(dir, first); err != nil {
		return err
	}
	if repo.Version == "" {
		var err error
		if repo.Version, err = latest(ctx); err != nil {
			return err
		}
	}
	temporary, err := os.MkdirTemp("", "grpcservice-init-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	s := stage{repository: repo, dir: temporary, log: env.Stderr, protobuf: linkedVersion(protobufModule)}
	err = s.make(ctx)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err != nil {
		return fmt.Errorf("%w\nnothing was written to %s", err, dir)
	}
	paths, contents, err := s.files()
	if err != nil {
		return err
	}
	if err := checkFree(dir, paths); err != nil {
		return err
	}
	if err := writeAll(dir, paths, contents); err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "wrote %d files of %s to %s\n\n", len(paths), repo.Service, dir)
	for _, step := range next(dir, repo) {
		fmt.Fprintf(env.Stdout, "    %s\n", step)
	}
	return nil
}

// next returns the commands that a person runs next.
func next(dir string, repo repository) (commands []string) {
	if dir != "." {
		commands = append(commands, "cd "+quoted(dir))
	}
	if work := goWork(dir); work != "" {
		commands = append(commands, "go work use .     # "+work+" applies here")
	}
	if repo.Postgres {
		commands = append(commands, "docker compose up --detach --wait")
	}
	call := fmt.Sprintf(`grpcurl -plaintext -d '{"%s": {"id": "1", "title": "One"}}' localhost:8080 %s/Create%s`, repo.JSONField(), repo.Service, repo.Item)
	return append(commands, "make run          # in another terminal:", call)
}

// quoted returns the name of a directory as a word of a shell.
func quoted(dir string) string {
	if strings.HasPrefix(dir, "-") {
		dir = "./" + dir
	}
	if strings.ContainsAny(dir, " \t\"'$&()*;<>?[]`{|}~#!") {
		return "'" + strings.ReplaceAll(dir, "'", `'\''`) + "'"
	}
	return dir
}

// goWork returns the path of the go.work that the go command uses in dir, or "".
func goWork(dir string) string {
	cmd := exec.Command("go", "env", "GOWORK")
	cmd.Dir = dir
	out, _ := cmd.Output()
	path := strings.TrimSpace(string(out))
	if path == "" || path == "off" {
		return ""
	}
	if here, err := filepath.Abs(dir); err == nil {
		if below, err := filepath.Rel(here, path); err == nil {
			return below
		}
	}
	return path
}

// latest returns the newest version of grpcservice, for a program that was built from a checkout.
func latest(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", "github.com/grpcservice/grpcservice@latest")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Dir = os.TempDir()
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("this program was built from a checkout, and the go command finds no released version of grpcservice: %s", bytes.TrimSpace(exit.Stderr))
	}
	return strings.TrimSpace(string(out)), err
}

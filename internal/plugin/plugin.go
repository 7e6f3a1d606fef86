// Package plugin implements protoc-gen-grpcservice as a function that reads a request from buf or
// protoc and writes the response.
package plugin

import (
	"fmt"
	"io"
	"io/fs"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/pattern/table"
	"github.com/grpcservice/grpcservice/internal/prune"
)

// Run executes the command-line arguments or, if there are none, answers the request on standard
// input. It returns the exit code.
func Run(env Env) int {
	if len(env.Args) > 0 {
		return runArgs(env)
	}
	if isTerminal(env.Stdin) {
		fmt.Fprintf(env.Stderr, "%s: run this program from buf or protoc, which send it a request; see --help\n", name)
		return exitMisused
	}
	if err := answer(env); err != nil {
		fmt.Fprintf(env.Stderr, "%s: %v\n", name, err)
		return exitNoAnswer
	}
	return exitAnswered
}

// isTerminal reports whether r is a character device, such as a terminal.
func isTerminal(r io.Reader) bool {
	file, ok := r.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}

// answer reads a request and writes the response. It returns errors that a response cannot report.
func answer(env Env) error {
	in, err := prune.Read(env.Stdin)
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	m, err := modelsOf(env, in)
	if err != nil {
		return fmt.Errorf("standard input is not a request from buf or protoc: %w", err)
	}
	response, warnings := respond(m)
	for _, warning := range warnings {
		fmt.Fprintf(env.Stderr, "%s: warning: %v\n", name, warning)
	}
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(response)
	if err != nil {
		return fmt.Errorf("encode the response: %w", err)
	}
	if _, err := env.Stdout.Write(out); err != nil {
		return fmt.Errorf("write the response: %w", err)
	}
	return nil
}

// modelsOf models the part of a request that the generator reads. If that has an error, it models
// the whole request, so that all errors and their positions are those of the whole. References and
// tools of agents need the whole request too, because they have the comments of messages.
func modelsOf(env Env, in *prune.Input) (modelled, error) {
	options := proto.UnmarshalOptions{Resolver: otherTypes{}}
	if request, ok := prune.Decode(in, table.Patterns(), options); ok {
		m := prepare(env, request)
		if m.problems.Err() == nil && !m.run.params.emits(docsEmit) && !m.hasTools() {
			return m, nil
		}
	}
	request := &pluginpb.CodeGeneratorRequest{}
	if err := options.Unmarshal(in.Whole(), request); err != nil {
		return modelled{}, err
	}
	return prepare(env, request), nil
}

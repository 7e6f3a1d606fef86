package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// programs are built when they are first needed, into a directory.
type programs struct {
	dir   string
	built map[string]string // paths of the binaries by directory
}

// withPrograms removes the programs in the end.
func withPrograms(do func(*programs) error) error {
	p := &programs{built: make(map[string]string)}
	var err error
	if p.dir, err = os.MkdirTemp("", "benchmarks"); err != nil {
		return err
	}
	return errors.Join(do(p), os.RemoveAll(p.dir))
}

// binary builds the program in a directory of this one's, and returns the path of the binary.
func (p *programs) binary(ctx context.Context, dir string, flags ...string) (string, error) {
	if binary, ok := p.built[dir]; ok {
		return binary, nil
	}
	fmt.Fprintf(os.Stderr, "benchmarks: building %s\n", dir)
	binary := filepath.Join(p.dir, filepath.Base(dir))
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"build", "-o", binary}, flags, []string{"."})...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", dir, err, out)
	}
	p.built[dir] = binary
	return binary, nil
}

// start starts the server of a stack.
func (p *programs) start(ctx context.Context, stack string) (*serverProcess, error) {
	program, ok := serverPrograms[stack]
	if !ok {
		return startServer(stack)
	}
	binary, err := p.binary(ctx, program.dir, program.flags...)
	if err != nil {
		return nil, err
	}
	return startProgram(stack, binary, program.args...)
}

// measureCalls compares what a server process and a bare one use for calls over loopback TCP, from
// stock clients in processes of their own, which send the same to both.
func measureCalls(
	ctx context.Context, p *programs, stack string, o options,
) (unary, stream result, err error) {
	var servers [2]*serverProcess
	var callers [2]*callerProcess
	for i, name := range []string{bare, stack} {
		if servers[i], err = p.start(ctx, name); err != nil {
			return unary, stream, err
		}
		defer func() { err = errors.Join(err, servers[i].stop()) }()
		if callers[i], err = p.startCaller(ctx, servers[i].addr, headersOf(stack)); err != nil {
			return unary, stream, err
		}
		defer func() { err = errors.Join(err, callers[i].stop()) }()
	}
	block := func(i int, format string, args ...any) block {
		return servers[i].block(func() error { return callers[i].do(fmt.Sprintf(format, args...)) })
	}
	unary, err = measure("unary, TCP", stack, o.pairs, o.calls,
		block(0, "unary %d %d", o.calls, o.inFlight), block(1, "unary %d %d", o.calls, o.inFlight))
	if err != nil {
		return unary, stream, err
	}
	stream, err = measure("stream message, TCP", stack, o.pairs, o.messages,
		block(0, "stream %d", o.messages), block(1, "stream %d", o.messages))
	return unary, stream, err
}

// printCalls prints the rows of measureCalls.
func printCalls(ctx context.Context, p *programs, stacks []string, o options) error {
	for _, stack := range stacks {
		unary, stream, err := measureCalls(ctx, p, stack, o)
		if err != nil {
			return err
		}
		fmt.Println(unary.row())
		fmt.Println(stream.row())
	}
	return nil
}

// callerProcess is a client in a separate process: see drive and driveweb.
type callerProcess struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

func (p *programs) startCaller(
	ctx context.Context, addr string, headers []string,
) (*callerProcess, error) {
	return p.startDriver(ctx, "drive", append([]string{addr}, headers...))
}

// startDriver starts the client in a directory.
func (p *programs) startDriver(ctx context.Context, dir string, args []string) (*callerProcess, error) {
	binary, err := p.binary(ctx, dir)
	if err != nil {
		return nil, err
	}
	c := &callerProcess{cmd: exec.Command(binary, args...)}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.lines = bufio.NewScanner(out)
	return c, c.cmd.Start()
}

// do makes the calls of a line.
func (c *callerProcess) do(line string) error {
	if _, err := fmt.Fprintln(c.in, line); err != nil {
		return err
	}
	if !c.lines.Scan() {
		return errors.New("the caller has ended")
	}
	if text := c.lines.Text(); text != "" {
		return fmt.Errorf("%s: %s", line, text)
	}
	return nil
}

func (c *callerProcess) stop() error { return errors.Join(c.in.Close(), c.cmd.Wait()) }

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/internal/largetree"
)

// smallTree is the number of files of a small request: one has a service, and imports the others.
const smallTree = 5

// measureGeneration compares the plugin with protoc-gen-go-grpc, as processes that answer the same
// request.
func measureGeneration(ctx context.Context, out io.Writer, o options) (err error) {
	dir, err := os.MkdirTemp("", "benchmarks")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	theirs, err := build(ctx, dir, "../tools", "google.golang.org/grpc/cmd/protoc-gen-go-grpc")
	if err != nil {
		return err
	}
	ours, err := build(ctx, dir, "..", "github.com/grpcservice/grpcservice/cmd/protoc-gen-grpcservice")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "| request | what | protoc-gen-go-grpc | grpcservice | ratio, median [quartiles] |")
	fmt.Fprintln(out, "| --- | --- | --- | --- | --- |")
	if err := compareRuns(ctx, out, theirs, ours, smallTree, o.pairs); err != nil {
		return err
	}
	return compareRuns(ctx, out, theirs, ours, o.files, max(1, o.pairs/5))
}

// build compiles a program of the module in a directory, and returns the path of the binary.
func build(ctx context.Context, to, module, program string) (string, error) {
	binary := filepath.Join(to, filepath.Base(program))
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, program)
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", program, err, out)
	}
	return binary, nil
}

// compareRuns alternates runs of two plugins for a request of so many files, and prints what they
// use.
func compareRuns(ctx context.Context, out io.Writer, theirs, ours string, files, pairs int) error {
	request, err := proto.Marshal(largetree.Request(files))
	if err != nil {
		return err
	}
	var base, other [3][]float64
	for i := -1; i < pairs; i++ { // the first pair warms up
		a, err := runPlugin(ctx, theirs, request)
		if err != nil {
			return err
		}
		b, err := runPlugin(ctx, ours, request)
		if err != nil {
			return err
		}
		for n := range a {
			if i >= 0 {
				base[n], other[n] = append(base[n], a[n]), append(other[n], b[n])
			}
		}
	}
	for n, what := range []string{"CPU ms", "wall ms", "peak MiB"} {
		ratios := make([]float64, pairs)
		for i := range ratios {
			ratios[i] = other[n][i] / base[n][i]
		}
		fmt.Fprintf(out, "| %d files, %d KiB | %s | %.1f | %.1f | %.2f [%.2f..%.2f] |\n", files, len(request)>>10, what,
			quantile(base[n], 0.5), quantile(other[n], 0.5),
			quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75))
	}
	return nil
}

// runPlugin returns the CPU time and the time of a run in milliseconds, and its peak memory in MiB.
func runPlugin(ctx context.Context, binary string, request []byte) (used [3]float64, err error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(request), io.Discard, &stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return used, fmt.Errorf("%s: %w\n%s", binary, err, &stderr)
	}
	elapsed := time.Since(start)
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	used = [3]float64{float64(cpu.Microseconds()) / 1e3, float64(elapsed.Microseconds()) / 1e3, 0}
	if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		used[2] = float64(ru.Maxrss) / 1024 // Linux counts KiB
	}
	return used, nil
}

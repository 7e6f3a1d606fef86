package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// The servers of other frameworks, with their defaults and with the features of ours.
const (
	kitex          = "kitex"
	kitexFull      = "kitex, same features"
	kratos         = "kratos"
	kratosFull     = "kratos, same features"
	gozero         = "go-zero"
	gozeroFull     = "go-zero, same features"
	connectRPC     = "connect"
	connectRPCFull = "connect, same features"
)

// serverProgram is the program of a server: those of other frameworks are in modules of their own.
type serverProgram struct {
	dir  string
	args []string
	// flags are those of go build. A dependency of kitex refers to names of encoding/json, which
	// Go 1.23 and later forbid by default.
	flags []string
}

var kitexFlags = []string{"-ldflags=-checklinkname=0"}

var serverPrograms = map[string]serverProgram{
	kitex:     {dir: "peers/kitex", flags: kitexFlags},
	kitexFull: {dir: "peers/kitex", flags: kitexFlags, args: []string{"-full"}},
	kratos:    {dir: "peers/kratos"}, kratosFull: {dir: "peers/kratos", args: []string{"-full"}},
	gozero: {dir: "peers/gozero"}, gozeroFull: {dir: "peers/gozero", args: []string{"-full"}},
	oursWebPlain: {dir: "serveweb"}, oursWebNoLog: {dir: "serveweb", args: []string{"-policies"}},
	oursWeb:    {dir: "serveweb", args: []string{"-policies", "-log"}},
	oursNative: {dir: "serveweb", args: []string{"-policies", "-native"}},
	connectRPC: {dir: "peers/connect"}, connectRPCFull: {dir: "peers/connect", args: []string{"-full"}},
}

// comparison is everything that is compared with bare, in the order of the table.
var comparison = []string{
	bare,
	oursNoLog, ours, oursNoID, oursMetrics, oursTraced, oursSampled,
	middleware, middlewareTraced, middlewareSampled,
	kitex, kitexFull, kratos, kratosFull, gozero, gozeroFull, connectRPC, connectRPCFull,
}

// compared is what a server costs.
type compared struct {
	unary, stream result
	failure       error // if it could not be measured
}

// measurePeers compares the servers whose names match, and prints a row for each when it has been
// measured. A server that does not build or does not answer is a row that says so.
func measurePeers(
	ctx context.Context, out io.Writer, p *programs, o options,
) (all []compared, err error) {
	names, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	fmt.Fprintln(out, "| server | unary call, CPU | CPU µs more | allocations | bytes | stream message, CPU | allocations |")
	fmt.Fprintln(out, "| --- | --- | --- | --- | --- | --- | --- |")
	for _, stack := range comparison {
		if !names.MatchString(stack) {
			continue
		}
		unary, stream, err := measureCalls(ctx, p, stack, o)
		if err != nil {
			fmt.Fprintf(os.Stderr, "benchmarks: %s: %v\n", stack, err)
			unary.stack = stack
		}
		c := compared{unary: unary, stream: stream, failure: err}
		all = append(all, c)
		fmt.Fprintln(out, c.row())
	}
	return all, nil
}

func (c compared) row() string {
	if c.failure != nil {
		reason, _, _ := strings.Cut(c.failure.Error(), "\n")
		return fmt.Sprintf("| %s | not measured: %s | | | | | |", c.unary.stack, strings.ReplaceAll(reason, "|", " "))
	}
	return fmt.Sprintf("| %s | %s | %+.1f | %+.1f | %+.0f | %s | %+.1f |",
		c.unary.stack, c.unary.ratioText(), (c.unary.other-c.unary.base)/1000, c.unary.allocs, c.unary.bytes,
		c.stream.ratioText(), c.stream.allocs)
}

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// writePage measures what docs/performance.md shows, and writes each section when it is known.
func writePage(ctx context.Context, o options) error {
	return withPrograms(func(p *programs) error {
		page := sections{o.page}
		if err := page.write("the machine", machineText(ctx, o.pairs)); err != nil {
			return err
		}
		if err := writeCalls(ctx, page, p, o); err != nil {
			return err
		}
		for _, section := range []struct {
			name  string
			print func(context.Context, io.Writer, options) error
		}{
			{"handlers", printHandlers},
			{"generation", measureGeneration},
			{"growth", measureGrowth},
		} {
			if err := page.print(section.name, func(out io.Writer) error { return section.print(ctx, out, o) }); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeCalls writes the comparison of servers, the chart, and the versions.
func writeCalls(ctx context.Context, page sections, p *programs, o options) error {
	var all []compared
	err := page.print("calls", func(out io.Writer) (err error) {
		all, err = measurePeers(ctx, out, p, o)
		return err
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(strings.TrimSuffix(o.page, ".md")+".svg", []byte(chart(all)), 0o644); err != nil {
		return err
	}
	binaries := []string{os.Args[0]}
	for _, binary := range p.built {
		binaries = append(binaries, binary)
	}
	slices.Sort(binaries)
	return page.write("versions", versionsText(binaries))
}

// print writes what do prints, which also appears on standard output.
func (p sections) print(section string, do func(io.Writer) error) error {
	var text strings.Builder
	if err := do(io.MultiWriter(os.Stdout, &text)); err != nil {
		return err
	}
	fmt.Println()
	return p.write(section, text.String())
}

// printHandlers prints what stacks add to a call by themselves.
func printHandlers(ctx context.Context, out io.Writer, o options) error {
	ctx, cancel := context.WithTimeout(ctx, time.Hour) // calls have a deadline
	defer cancel()
	fmt.Fprintln(out, "| handler | unary call, CPU ns more | allocations | bytes | stream message, CPU ns more | allocations |")
	fmt.Fprintln(out, "| --- | --- | --- | --- | --- | --- |")
	for _, stack := range stacks {
		unary, err := measureHandler(ctx, stack, o)
		if err != nil {
			return err
		}
		stream, err := measureStreamHandler(ctx, stack, o)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | %+.0f | %+.1f | %+.0f | %+.0f | %+.1f |\n", stack,
			unary.other-unary.base, unary.allocs, unary.bytes, stream.other-stream.base, stream.allocs)
	}
	return nil
}

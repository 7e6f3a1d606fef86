package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain serves a stack if this process is the server of a test.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "-serve" {
		if err := serveStack(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestHandlers checks what the README states about allocations, in the way that the benchmarks
// measure.
func TestHandlers(t *testing.T) {
	allocs := func(stack string) float64 {
		ctx, cancel := context.WithTimeout(transportContext(t.Context(), stack), time.Hour)
		defer cancel()
		call := methodCall(ctx, unaryHandler(stack))
		return testing.AllocsPerRun(100, func() {
			if err := call(); err != nil {
				t.Error(err)
			}
		})
	}
	base := allocs(bare)
	for stack, most := range map[string]float64{ours: 4, oursNoLog: 4, oursNoID: 4} {
		if more := allocs(stack) - base; more > most {
			t.Errorf("%s: %v allocations more than bare, want at most %v", stack, more, most)
		}
	}
	if more := allocs(middleware) - base; more < 20 {
		t.Errorf("go-grpc-middleware: %v allocations more than bare; does it still log?", more)
	}
}

// TestServers runs server processes and their callers as `make bench` does. Allocations are exact,
// within those of the transport. The bound of the CPU time is far above what is measured, because
// other programs run at the same time.
func TestServers(t *testing.T) {
	o := options{pairs: 5, calls: 600, inFlight: 64, messages: 3000}
	err := withPrograms(func(p *programs) error {
		for _, stack := range []string{ours, oursTraced} {
			unary, stream, err := measureCalls(t.Context(), p, stack, o)
			if err != nil {
				return err
			}
			most := map[string]float64{ours: 6.5, oursTraced: 12.5}[stack]
			if unary.allocs > most || stream.allocs > 0.5 {
				t.Errorf("%s: %.1f allocations more per call, %.1f per message; want at most %.1f and 0.5",
					stack, unary.allocs, stream.allocs, most)
			}
			if unary.median() > 4 || stream.median() > 4 {
				t.Errorf("%s: %.2f times the CPU time of bare per call, %.2f per message",
					stack, unary.median(), stream.median())
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPage checks that docs/performance.md has the sections that `make bench` writes.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, section := range []string{"calls", "the machine", "versions", "handlers", "generation", "growth"} {
		once, err := replaceSection(string(text), section, "\nnew\n")
		if err != nil {
			t.Error(err)
			continue
		}
		if twice, err := replaceSection(once, section, "new"); err != nil || twice != once {
			t.Errorf("%s: the second time, the page becomes another one: %v", section, err)
		}
	}
	if _, err := replaceSection(string(text), "nothing", ""); err == nil {
		t.Error("a section that does not exist was replaced")
	}
}

// TestChart checks that the chart is XML, and leaves out what was not measured.
func TestChart(t *testing.T) {
	text := chart([]compared{
		{unary: result{stack: "a & b", ratio: [3]float64{0.8, 0.9, 1}}},
		{unary: result{stack: "broken"}, failure: errors.New("no")},
	})
	if !strings.Contains(text, "a &amp; b") || !strings.Contains(text, "0.90") || strings.Contains(text, "broken") {
		t.Errorf("the chart has other servers than those measured:\n%s", text)
	}
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := decoder.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the chart is not XML: %v", err)
		}
	}
}

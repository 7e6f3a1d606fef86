package main

import (
	"fmt"
	"slices"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
)

// block makes a number of calls, and returns what the server has used for them.
type block func() (peers.Usage, error)

// result is what a stack costs beside a base, per call.
type result struct {
	what, stack   string
	base, other   float64    // medians of the CPU time, in nanoseconds
	ratio         [3]float64 // quartiles of the ratios of the pairs
	allocs, bytes float64    // more than the base
}

// median returns the ratio.
func (r result) median() float64 { return r.ratio[1] }

func (r result) ratioText() string {
	return fmt.Sprintf("%.2f [%.2f..%.2f]", r.ratio[1], r.ratio[0], r.ratio[2])
}

// row returns a row of the table that printHead begins.
func (r result) row() string {
	return fmt.Sprintf("| %s | %s | %.0f | %.0f | %s | %+.1f | %+.0f |",
		r.what, r.stack, r.base, r.other, r.ratioText(), r.allocs, r.bytes)
}

// compare measures, and prints the row.
func compare(what, stack string, pairs, n int, base, other block) error {
	r, err := measure(what, stack, pairs, n, base, other)
	if err == nil {
		fmt.Println(r.row())
	}
	return err
}

// measure alternates blocks of n calls.
func measure(what, stack string, pairs, n int, base, other block) (result, error) {
	var ratios, baseNs, otherNs []float64
	var baseSum, otherSum peers.Usage
	for i := -1; i < pairs; i++ { // the first pair warms up
		a, b, err := pair(i%2 == 0, base, other)
		if err != nil {
			return result{}, fmt.Errorf("%s, %s: %w", what, stack, err)
		}
		if i < 0 {
			continue
		}
		baseSum, otherSum = baseSum.Plus(a), otherSum.Plus(b)
		baseNs, otherNs = append(baseNs, float64(a.CPU)), append(otherNs, float64(b.CPU))
		ratios = append(ratios, float64(b.CPU)/float64(a.CPU))
	}
	calls := float64(pairs * n)
	return result{
		what: what, stack: stack,
		base: quantile(baseNs, 0.5) / float64(n), other: quantile(otherNs, 0.5) / float64(n),
		ratio:  [3]float64{quantile(ratios, 0.25), quantile(ratios, 0.5), quantile(ratios, 0.75)},
		allocs: (float64(otherSum.Allocs) - float64(baseSum.Allocs)) / calls,
		bytes:  (float64(otherSum.Bytes) - float64(baseSum.Bytes)) / calls,
	}, nil
}

// pair makes a block of each, in either order.
func pair(baseFirst bool, base, other block) (a, b peers.Usage, err error) {
	if baseFirst {
		if a, err = base(); err == nil {
			b, err = other()
		}
		return a, b, err
	}
	if b, err = other(); err == nil {
		a, err = base()
	}
	return a, b, err
}

// quantile returns the value below which a part q of the values is.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

// printHead begins a table of what compare prints, by the name of the base.
func printHead(base string) {
	fmt.Println("| what | stack | " + base + ", CPU ns | CPU ns | ratio, median [quartiles] | allocs more | bytes more |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- |")
}

package main

import (
	"fmt"
	"slices"
)

// block makes a number of calls, and returns what the server has used for them.
type block func() (usage, error)

// compare alternates blocks of n calls, and prints what one of them costs with a stack.
func compare(what, stack string, pairs, n int, base, other block) error {
	var ratios, baseNs, otherNs []float64
	var baseSum, otherSum usage
	for i := -1; i < pairs; i++ { // the first pair warms up
		a, b, err := pair(i%2 == 0, base, other)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", what, stack, err)
		}
		if i < 0 {
			continue
		}
		baseSum, otherSum = sum(baseSum, a), sum(otherSum, b)
		baseNs, otherNs = append(baseNs, float64(a.CPU)), append(otherNs, float64(b.CPU))
		ratios = append(ratios, float64(b.CPU)/float64(a.CPU))
	}
	calls := float64(pairs * n)
	fmt.Printf("| %s | %s | %.0f | %.0f | %.2f [%.2f..%.2f] | %+.1f | %+.0f |\n", what, stack,
		quantile(baseNs, 0.5)/float64(n), quantile(otherNs, 0.5)/float64(n),
		quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75),
		(float64(otherSum.Allocs)-float64(baseSum.Allocs))/calls, (float64(otherSum.Bytes)-float64(baseSum.Bytes))/calls)
	return nil
}

// pair makes a block of each, in either order.
func pair(baseFirst bool, base, other block) (a, b usage, err error) {
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

func sum(a, b usage) usage {
	return usage{CPU: a.CPU + b.CPU, Allocs: a.Allocs + b.Allocs, Bytes: a.Bytes + b.Bytes}
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

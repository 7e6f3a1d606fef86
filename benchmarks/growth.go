package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
)

// smallest is the number of keys that the others are compared with.
const smallest = 1000

// keyCall is a call with one of the keys, from 0.
type keyCall func(key int) error

// growing is something that holds keys, and is called with one of them.
type growing struct {
	name string
	keys []int // how many it is compared with
	// fill returns the call for a holder of n keys.
	fill func(n int) (keyCall, error)
}

// measureGrowth prints what more keys, more goroutines and more streams cost.
func measureGrowth(ctx context.Context, out io.Writer, o options) error {
	fmt.Fprintln(out, "| call | keys | with 1,000 keys, CPU ns | CPU ns | ratio, median [quartiles] | allocations more |")
	fmt.Fprintln(out, "| --- | --- | --- | --- | --- | --- |")
	for _, g := range growers(ctx) {
		for _, n := range g.keys {
			if err := g.measure(out, n, o); err != nil {
				return err
			}
		}
	}
	fmt.Fprintln(out)
	if err := measureContention(ctx, out, o); err != nil {
		return err
	}
	fmt.Fprintln(out)
	return measureStreams(ctx, out, o)
}

// measure compares n keys with the smallest number.
func (g growing) measure(out io.Writer, n int, o options) error {
	few, err := g.fill(smallest)
	if err != nil {
		return fmt.Errorf("%s, %d keys: %w", g.name, smallest, err)
	}
	many, err := g.fill(n)
	if err != nil {
		return fmt.Errorf("%s, %d keys: %w", g.name, n, err)
	}
	r, err := measure(g.name, fmt.Sprint(n), o.pairs, o.direct, keyBlock(few, smallest, o.direct), keyBlock(many, n, o.direct))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "| %s | %s | %.0f | %.0f | %s | %+.1f |\n", g.name, thousands(n), r.base, r.other, r.ratioText(), r.allocs)
	return nil
}

// keyBlock makes calls with random ones of n keys.
func keyBlock(call keyCall, n, calls int) block {
	random := rand.New(rand.NewPCG(1, 2))
	return ownBlock(func() error {
		for range calls {
			if err := call(random.IntN(n)); err != nil {
				return err
			}
		}
		return nil
	})
}

// thousands writes a number with commas.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// measureContention compares goroutines that call one method with as many that call it on a bare
// server.
func measureContention(ctx context.Context, out io.Writer, o options) error {
	fmt.Fprintln(out, "| handler of one method | goroutines | bare, CPU ns per call | CPU ns | more than bare |")
	fmt.Fprintln(out, "| --- | --- | --- | --- | --- |")
	for _, goroutines := range []int{1, 2, 4, 8, 16} {
		base := concurrentBlock(ctx, bare, goroutines, o.direct)
		r, err := measure("", ours, o.pairs, o.direct, base, concurrentBlock(ctx, ours, goroutines, o.direct))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | %d | %.0f | %.0f | %+.0f |\n", ours, goroutines, r.base, r.other, r.other-r.base)
	}
	return nil
}

// concurrentBlock makes n calls of one handler, by some goroutines.
func concurrentBlock(ctx context.Context, stack string, goroutines, n int) block {
	method := unaryHandler(stack)
	one := methodCall(transportContext(ctx, ours), method)
	return ownBlock(func() error {
		var running sync.WaitGroup
		errs := make([]error, goroutines)
		for i := range goroutines {
			running.Go(func() {
				for range n / goroutines {
					if err := one(); err != nil {
						errs[i] = err
						return
					}
				}
			})
		}
		running.Wait()
		return errors.Join(errs...)
	})
}

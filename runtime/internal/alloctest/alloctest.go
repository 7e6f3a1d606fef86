// Package alloctest counts allocations for tests.
package alloctest

import "testing"

// Least counts the allocations of f several times and returns the least: goroutines that other tests have left may add
// to a count, and cannot take from it.
func Least(f func()) float64 {
	least := testing.AllocsPerRun(20, f)
	for range 4 {
		least = min(least, testing.AllocsPerRun(20, f))
	}
	return least
}

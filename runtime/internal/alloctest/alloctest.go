// Package alloctest counts allocations for tests.
package alloctest

import "testing"

// Least measures the allocations of f several times and returns the minimum: goroutines that other
// tests left running can only add to a measurement.
func Least(f func()) float64 {
	least := testing.AllocsPerRun(20, f)
	for range 4 {
		least = min(least, testing.AllocsPerRun(20, f))
	}
	return least
}

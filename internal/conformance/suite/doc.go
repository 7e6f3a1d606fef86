// Package suite holds the programs that the conformance suite tests, and runs the suite. The
// programs are the test binary itself, so that the race detector covers them.
package suite

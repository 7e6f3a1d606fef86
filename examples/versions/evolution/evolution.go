// Package evolution shows which changes of a proto existing callers survive, and that buf breaking
// finds all others; see its test.
package evolution

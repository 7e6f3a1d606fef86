// Package evolution shows which changes of a proto callers survive, and that buf breaking finds those that they do not; see
// its test.
package evolution

// Package callers has tests that call the shop as others do: from a browser, from Python and from
// Node.
package callers

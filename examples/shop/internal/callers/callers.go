// Package callers has tests that call the shop as others do: from a browser, from Python and from
// Node, with fetch, connect-es and the gRPC of each language.
package callers
